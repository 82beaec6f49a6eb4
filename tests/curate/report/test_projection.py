"""The map: alike things lie together, the same on every run, and nothing odd breaks it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from curate.report.projection import drawn, plot_points
from seedbed.encode import load

PARTS = {
    "en": ("seal", "valve", "bearing", "filter", "belt", "nozzle"),
    "zh": ("密封圈", "阀门", "轴承", "滤芯", "皮带", "喷嘴"),
}
ASKED = {
    "en": ("How is the {0} of the pump checked?", "When is the {0} of the pump replaced?", "Which tool does the {0} need?"),
    "zh": ("怎样检查水泵的{0}？", "什么时候更换水泵的{0}？", "拆卸{0}需要什么工具？"),
}


def texts() -> tuple[list[str], list[str]]:
    """Questions in two languages, and each one's language."""
    rows = [(asked.format(part), tongue) for tongue in ASKED for asked in ASKED[tongue] for part in PARTS[tongue]]
    return [text for text, _ in rows], [tongue for _, tongue in rows]


def nearest(points: np.ndarray) -> np.ndarray:
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return distance.argmin(axis=1)


def test_questions_lie_beside_those_of_their_language() -> None:
    asked, tongues = texts()
    points = plot_points(load("lexical").encode(asked), seed=1)
    assert points.shape == (36, 2) and points.dtype == np.float32
    assert np.abs(points).max() == pytest.approx(1)
    assert [tongues[other] for other in nearest(points)] == tongues


def test_clusters_that_two_components_cannot_hold_stay_apart() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 25)
    vectors = generator.normal(size=(12, 64))[labels] + 0.3 * generator.normal(size=(300, 64))
    assert (labels[nearest(plot_points(vectors, 0))] == labels).mean() > 0.98


def test_same_vectors_and_seed_same_bytes_and_another_seed_another_map() -> None:
    vectors = load("lexical").encode(texts()[0])
    assert plot_points(vectors, 3).tobytes() == plot_points(vectors, 3).tobytes()
    assert plot_points(vectors, 3).tobytes() != plot_points(vectors, 4).tobytes()


def test_equal_texts_are_one_point() -> None:
    vectors = load("lexical").encode([*texts()[0], texts()[0][5], texts()[0][5]])
    points = plot_points(vectors, 0)
    assert (points[5] == points[-1]).all() and (points[5] == points[-2]).all()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_is_drawn_too(count: int) -> None:
    points = plot_points(load("lexical").encode(texts()[0][:count]), 0)
    assert points.shape == (count, 2) and np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == count


def test_empty_broken_and_equal_rows_are_no_trouble() -> None:
    vectors = np.zeros((30, 4), np.float32)
    assert (plot_points(vectors, 0) == 0).all()
    vectors[:, 0] = 1
    assert (plot_points(vectors, 0) == 0).all()
    vectors[3] = np.nan
    vectors[4, 1] = np.inf
    assert np.isfinite(plot_points(vectors, 0)).all()
    assert plot_points(np.ones((3, 1), np.float32), 0).shape == (3, 2)


def test_a_sample_is_stratified_and_small_groups_are_seen() -> None:
    groups = ["kept"] * 9_900 + ["dropped"] * 90 + ["其他"] * 10
    chosen = drawn(groups, 1000, seed=0)
    assert len(chosen) <= 1000 and chosen == sorted(set(chosen))
    assert Counter(groups[number] for number in chosen) == {"kept": 974, "dropped": 16, "其他": 10}
    assert drawn(groups, 1000, seed=0) == chosen != drawn(groups, 1000, seed=1)


def test_a_small_set_is_taken_whole_and_many_groups_never_exceed_the_size() -> None:
    assert drawn(["a", "b", "a"], 5) == [0, 1, 2]
    assert len(drawn(list(range(500)), 100)) <= 100
