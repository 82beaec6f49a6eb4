"""How preferences are counted: rewards, margins, and when the chosen answers became unlikely too."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.evaluation.preferences import COLLAPSE, Score, compared, score, sentence
from train.rows.pairs import Pair
from train.students import model

BEFORE = [Score(-20.0, -18.0, 10, 9), Score(-10.0, -12.0, 10, 12), Score(-30.0, -30.0, 20, 20)]


def after(*changes: tuple[float, float]) -> list[Score]:
    return [
        Score(old.chosen + up, old.rejected + down, old.chosen_tokens, old.rejected_tokens)
        for old, (up, down) in zip(BEFORE, changes, strict=True)
    ]


def test_a_pair_is_right_when_the_chosen_answer_gained_more() -> None:
    found = compared(BEFORE, after((3, -1), (-1, -4), (0, 2)), seed=1)
    assert (found["pairs"], found["reward_accuracy"]) == (3, pytest.approx(2 / 3, abs=1e-4))
    assert found["margin"] == pytest.approx((4 + 3 - 2) / 3, abs=1e-4)
    assert found["preferred"] == {"base": pytest.approx(1 / 3, abs=1e-4), "tuned": pytest.approx(2 / 3, abs=1e-4)}


def test_log_probabilities_are_means_of_tokens() -> None:
    found = compared(BEFORE, after((4, 0), (0, 0), (0, -4.1)), seed=1)
    assert found["chosen"] == {"base": -1.5, "tuned": -1.4}
    assert found["rejected"] == {"base": round(-60 / 41, 4), "tuned": round(-64.1 / 41, 4)}
    assert found["chosen_fell"]["mean"] == pytest.approx(-0.1)


@pytest.mark.parametrize(("down", "collapsed"), [(40 * COLLAPSE + 0.1, True), (40 * COLLAPSE - 0.1, False)])
def test_all_pairs_may_be_right_and_the_chosen_answers_unlikely_all_the_same(down: float, collapsed: bool) -> None:
    found = compared(BEFORE, after((0, -9), (0, -9), (-down, -29)), seed=1)
    assert found["reward_accuracy"] == 1.0 and found["collapsed"] is collapsed
    assert ("less likely too" in sentence(found)) is collapsed


def test_no_pairs() -> None:
    assert compared([], [], seed=1) == {"pairs": 0}


def test_virtual_tokens_before_the_text_do_not_shift_what_is_scored(student: Path) -> None:
    import torch
    from peft import PromptTuningConfig, get_peft_model

    tokenizer = model.load_tokenizer(student)
    torch.manual_seed(1)
    base = model.load(student, "lora", tokenizer)
    tuned = get_peft_model(base, PromptTuningConfig(num_virtual_tokens=5, task_type="CAUSAL_LM")).eval()
    pair = Pair(tokenizer("Which port? 端口？")["input_ids"], [100, 101, 102], [103, 104])
    [found] = score(tuned, tokenizer, [pair], lambda _: None)
    for said, tokens, row in zip((found.chosen, found.rejected), (3, 2), pair.sides(), strict=True):
        with torch.no_grad():  # PEFT puts labels of its own before these, for its virtual tokens
            loss = tuned(input_ids=torch.tensor([row.input_ids]), labels=torch.tensor([row.labels])).loss
        assert said == pytest.approx(-tokens * float(loss), abs=0.05)
