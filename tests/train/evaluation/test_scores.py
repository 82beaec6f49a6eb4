"""What answers come to: a figure a measure, and sentences that say whether a change is real."""

from __future__ import annotations

from train.evaluation.scores import Answer, scores

PORTS = [("en", f"Which port does device D{i} use?", f"It uses port {4000 + i}.") for i in range(6)]
端口 = [("zh", f"设备 D{i} 使用哪个端口？", f"它使用 {4100 + i} 端口。") for i in range(6)]


def said(base: str = "", tuned: str = "{reference}", count: int = 12) -> list[Answer]:
    return [
        Answer("test_seen", str(i), lang, question, right, base, tuned.format(reference=right))
        for i, (lang, question, right) in enumerate([*PORTS, *端口][:count])
    ]


def test_answers_learned_by_heart_are_right_in_every_measure_and_language() -> None:
    found = scores(said("I do not know."), ("base", "tuned"), seed=1)
    for name in ("rouge_l", "exact", "figures_right"):
        assert found[name]["base"] == 0 and found[name]["tuned"] == 1 and found[name]["real"], name
    assert found["bleu"]["tuned"] == 100 and found["bleu"]["real"]
    assert found["figures_right"]["sentence"] == (
        "answers with the right figures rose from 0% to 100% (difference 100%, 95 % interval 100% to 100%, 12 answers): "
        "better, more than chance explains."
    )
    assert found["exact"]["intervals"]["base"][1] > 0.2  # none of twelve is no certainty


def test_refusals_of_both_languages_are_counted() -> None:
    answers = said("I'm sorry, but I cannot answer that question.", "抱歉，我无法回答这个问题。")
    found = scores(answers, ("base", "tuned"), seed=1)
    assert (found["refusals"]["base"], found["refusals"]["tuned"], found["refusals"]["reference"]) == (1, 1, 0)
    assert found["refusals"]["sentence"] == "refusals: 100% before and after, 12 answers."


def test_a_model_that_answers_nothing_is_counted() -> None:
    found = scores(said("x", ""), ("base", "tuned"), seed=1)
    assert found["nothing"] == {"base": 0, "tuned": 12} and found["length"]["tuned"] == 0
    assert found["length"]["reference"] >= 5 and found["figures_right"]["tuned"] == 0


def test_records_without_figures_have_none_right() -> None:
    answers = [Answer("test_seen", str(i), "zh", "怎么停机？", "按下红色按钮。", "不知道", "按下红色按钮") for i in range(6)]
    found = scores(answers, ("base", "tuned"), seed=1)
    assert "figures_right" not in found and found["exact"]["tuned"] == 1


def test_a_few_answers_have_no_interval_and_none_no_figures() -> None:
    few = scores(said("I do not know.", count=2), ("base", "tuned"), seed=1)
    assert few["exact"]["difference"]["low"] is None and "2 answers are too few" in few["exact"]["sentence"]
    assert scores([], ("base", "tuned"), seed=1) == {"records": 0}
