"""The pairs of the DPO benchmark: both languages and kinds alike in each split, held out on other devices."""

from __future__ import annotations

from collections import Counter

from benchmarks.train_dpo import made_pairs


def test_each_split_has_both_languages_and_kinds_alike() -> None:
    made = made_pairs(200)
    found = Counter((pair.split, pair.language, pair.labels["negative"]) for pair in made)
    assert {split: {count for (of, *_), count in found.items() if of == split} for split, *_ in found} == {
        "train": {30}, "validation": {10}, "test_heldout": {10}
    }
    assert len({pair.answer.split(" | ")[0] for pair in made}) == 200


def test_the_rejected_answer_is_wrong_in_one_way() -> None:
    for pair in made_pairs(40):
        device, thing, figure = pair.answer.split(" | ")
        assert pair.rejected is not None
        if pair.labels["negative"] == "figure":
            assert pair.rejected.content.startswith(f"{device} | {thing} | ") and figure not in pair.rejected.content
        else:
            assert all(part in pair.rejected.content for part in (device, thing, figure))
