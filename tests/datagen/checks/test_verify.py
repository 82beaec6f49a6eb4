"""What a pair must pass: for every reason a text that fails and its near neighbour that passes, in both languages."""

from __future__ import annotations

import pytest

from datagen.checks.reasons import reason_fault
from datagen.checks.verify import align, answer_fault, carriers, question_fault, statement_fault
from seedbed.content import support, units

PASSAGE = {
    "en": "The KX-40 pump runs at 2.5 bar by default. The pressure must not exceed 4 bar, because the seal leaks above that "
    "value. Set the limit with `kx --limit 4` in kx.conf. The oil is changed every 500 hours.",
    "zh": "KX-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过以后密封会泄漏。用 `kx --limit 4` 在 kx.conf 中设置上限。"
    "润滑油每运行 500 小时更换一次。",
}

# reason, language, a question that fails, a near neighbour that passes
QUESTIONS = [
    ("empty", "en", "  ", "What is the default pressure of the KX-40 pump?"),
    ("empty", "zh", "", "KX-40 离心泵的默认压力是多少？"),
    ("wrong_language", "en", "KX-40 离心泵的默认压力是多少？", "What is the default pressure of the KX-40 离心泵 pump?"),
    ("wrong_language", "zh", "What is the default pressure of the KX-40 pump?", "KX-40 pump 的默认压力是多少？"),
    ("not_a_question", "en", "The pressure of the KX-40 pump.", "Describe the pressure of the KX-40 pump."),
    ("not_a_question", "zh", "KX-40 离心泵的默认压力。", "请说明 KX-40 离心泵的默认压力。"),
    ("leans_on_passage", "en", "According to the text, what is the default pressure of the pump?",
     "What is the default pressure of the pump?"),
    ("leans_on_passage", "en", "What pressure of the pump is described in this section?",
     "What pressure of the pump is the default?"),
    ("leans_on_passage", "zh", "根据上文，离心泵的默认压力是多少？", "离心泵的默认压力是多少？"),
    ("leans_on_passage", "zh", "本节中离心泵的默认压力是多少？", "出厂时离心泵的默认压力是多少？"),
    # a pronoun where the subject should stand
    ("leans_on_passage", "en", "How do I set this pressure of the pump?", "How do I set the pressure of the pump?"),
    ("leans_on_passage", "zh", "如何设置这个默认压力？", "如何设置离心泵的默认压力？"),
    ("cut_question", "zh", "离心泵有一个默认压力的什么？", "离心泵的默认压力是什么？"),
    ("leans_on_passage", "en", "Why does it leak above 4 bar?", "Why does the seal leak above 4 bar?"),
    ("leans_on_passage", "zh", "它的默认压力是多少？", "离心泵的默认压力是多少？"),
    ("meta", "en", "As an AI, what is the default pressure of the KX-40 pump?",
     "What is the default pressure of the KX-40 pump?"),
    ("meta", "zh", "作为一个语言模型，离心泵的默认压力是多少？", "离心泵的默认压力是多少？"),
    ("garbled", "en", "What is the default\x08 pressure of the KX-40 pump?", "What is the default pressure of the KX-40 pump?"),
    ("garbled", "zh", "KX-40 离心泵的默认\ufffd压力是多少？", "KX-40 离心泵的默认压力是多少？"),
    ("yes_or_no", "en", "Is the oil changed every 500 hours?", "After how many hours is the oil changed?"),
    ("yes_or_no", "zh", "润滑油能用 500 小时吗？", "润滑油每运行多久更换一次？"),
    ("vague_question", "en", "What pressure?", "What is the default pressure?"),
    ("vague_question", "zh", "压力多少？", "离心泵的压力是多少？"),
    ("several_questions", "en", "What is the default pressure of the KX-40 pump? Why? How?",
     "What is the default pressure of the KX-40 pump, and why?"),
    ("several_questions", "zh", "离心泵的默认压力是多少？为什么？怎样设置？", "离心泵的默认压力是多少，为什么？"),
    ("copies_passage", "en", "The oil is changed every 500 hours?", "How often is the oil changed?"),
    ("copies_passage", "zh", "润滑油每运行 500 小时更换一次，怎样？", "润滑油多久更换一次？"),
    # a figure, a name, or nearly all words that the passage does not know
    ("false_premise", "en", "Why must the pressure of the pump not exceed 6 bar?",
     "Why must the pressure of the pump not exceed 4 bar?"),
    ("false_premise", "zh", "为什么离心泵的压力不得超过 6 bar？", "为什么离心泵的压力不得超过 4 bar？"),
    ("false_premise", "en", "How is the limit of the pump set with `kx --max`?",
     "How is the limit of the pump set with `kx --limit`?"),
    ("false_premise", "zh", "怎样用 kz 设置离心泵的压力上限？", "怎样用 kx 设置离心泵的压力上限？"),
    ("false_premise", "en", "Which colour should the housing of the motor have?",
     "Which pressure should the seal of the pump have?"),
    ("false_premise", "zh", "电动机外壳应当刷成哪种颜色的油漆？", "离心泵的密封超过哪种压力会泄漏？"),
]

# reason, language, question, an answer that fails, a near neighbour that passes
EN, ZH = "What is the default pressure of the KX-40 pump?", "KX-40 离心泵的默认压力是多少？"
WHY, 为何 = "Why must the pressure not exceed 4 bar?", "为什么压力不得超过 4 bar？"
ANSWERS = [
    ("empty", "en", EN, " ", "It is 2.5 bar."),
    ("empty", "zh", ZH, "", "默认压力是 2.5 bar。"),
    ("wrong_language", "en", EN, "默认压力是 2.5 bar，不得超过。", "By default the pump runs at 2.5 bar, called 默认压力."),
    ("wrong_language", "zh", ZH, "By default the pressure is 2.5 bar.", "默认压力是 2.5 bar，上限在 kx.conf 中。"),
    ("cut_answer", "en", WHY, "Above 4 bar the seal of the pump", "Above 4 bar the seal of the pump leaks."),
    ("cut_answer", "zh", 为何, "因为压力超过 4 bar 以后，密封会", "因为压力超过 4 bar 以后，密封会泄漏。"),
    ("meta", "en", EN, "As an AI language model I know: 2.5 bar.", "By default it is 2.5 bar."),
    ("meta", "zh", ZH, "作为一个语言模型，我知道默认压力是 2.5 bar。", "默认压力是 2.5 bar。"),
    ("leans_on_passage", "en", EN, "According to the passage it is 2.5 bar.", "By default it is 2.5 bar."),
    ("leans_on_passage", "zh", ZH, "根据上文，默认压力是 2.5 bar。", "默认压力就是 2.5 bar。"),
    ("repetition", "en", WHY, "Above 4 bar the seal of the pump leaks badly. " * 3,
     "Above 4 bar the seal of the pump leaks."),
    ("repetition", "zh", 为何, "压力超过 4 bar 以后密封会泄漏。" * 3, "压力超过 4 bar 以后密封会泄漏。"),
    ("echo", "en", WHY, "The pressure must not exceed 4 bar.", "The seal leaks above that pressure."),
    ("echo", "zh", 为何, "压力不得超过 4 bar。", "超过 4 bar 以后密封会泄漏。"),
    # a sentence that answers as it stands may be given; two of them are a piece of the passage
    ("echo", "en", "What does the seal of the pump leak above 4 bar?", "The seal of the pump leaks above 4 bar, since that value exceeds "
     "its pressure.", "The pressure must not exceed that value, and the seal of the pump leaks above 4 bar."),
    ("copied_answer", "en", WHY, "The KX-40 pump runs at 2.5 bar by default. The pressure must not exceed 4 bar, because the "
     "seal leaks above that value. Set the limit with `kx --limit 4` in kx.conf.",
     "The pressure must not exceed 4 bar, because the seal leaks above that value."),
    ("copied_answer", "zh", 为何, "KX-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过以后密封会泄漏。"
     "用 `kx --limit 4` 在 kx.conf 中设置上限。润滑油每运行 500 小时更换一次。", "压力不得超过 4 bar，因为超过以后密封会泄漏。"),
    ("unsupported_figure", "en", EN, "By default the pump runs at 3.5 bar.", "By default the pump runs at 2.50 bar."),
    ("unsupported_figure", "zh", ZH, "默认压力是 3.5 bar。", "默认压力是 ２.５ bar。"),
    ("unsupported_figure", "en", "How often is the oil changed?", "The oil is changed every 1,500 hours.",
     "The oil is changed each 500 hours."),
    ("unsupported_name", "en", "Where is the limit set?", "The limit is set in kx.yaml.", "The limit is set in kx.conf."),
    ("unsupported_name", "en", "Which file holds the limit?", "The limit is in kx.conf, as KX_Limit.", "The limit is in kx.conf."),
    ("unsupported_name", "zh", "在哪里设置压力上限？", "压力上限在 kx.yaml 中设置。", "压力上限在 kx.conf 中设置。"),
    ("unsupported", "en", WHY, "Otherwise engineers receive angry telephone calls from worried customers.",
     "Otherwise the seal of the pump leaks."),
    ("unsupported", "zh", 为何, "否则工程师将要接到许多客户打来的投诉电话。", "否则离心泵的密封会泄漏。"),
]


@pytest.mark.parametrize(("reason", "lang", "fails", "passes"), QUESTIONS)
def test_questions(reason: str, lang: str, fails: str, passes: str) -> None:
    context = "KX-40 pump, KX-40 离心泵"
    fault = question_fault(fails, PASSAGE[lang], lang, context)
    assert fault and (fault.reason, bool(fault.detail)) == (reason, True)
    assert question_fault(passes, PASSAGE[lang], lang, context) is None


@pytest.mark.parametrize(
    ("evidence", "question", "answer"),
    [
        ("The pump can be shutdown from the commandline.", "How can the pump be shut down?",
         "It can be shut down from the command line."),
        ("The pump can be shut down from the command line.", "How do I shutdown the pump?",
         "You can shutdown the pump from the commandline."),
    ],
)
def test_one_word_and_two_are_one_spelling(evidence: str, question: str, answer: str) -> None:
    assert question_fault(question, evidence, "en") is None
    assert statement_fault(answer, evidence, "en") is None
    fault = statement_fault("You can cut up the valve from the bottom end.", evidence, "en")
    assert fault is not None and fault.reason == "unsupported"


@pytest.mark.parametrize(
    ("lang", "statement", "named", "vague"),
    [
        ("en", "Mondo Rescue is a backup system.", "What is Mondo Rescue?", "What is backup?"),
        ("en", "vim(1) is an editor.", "What is vim(1)?", "What is editor?"),
        ("zh", "vim(1) 是一个编辑器，moreutils 是工具包。", "moreutils 是什么？", "工具是什么？"),
        ("zh", "PAM 是认证模块。", "PAM 是什么？", "认证是什么？"),
    ],
)
def test_a_name_says_what_is_meant_however_short(lang: str, statement: str, named: str, vague: str) -> None:
    assert question_fault(named, statement, lang) is None
    fault = question_fault(vague, statement, lang)
    assert fault is not None and fault.reason == "vague_question"


@pytest.mark.parametrize(
    ("question", "answer", "evidence", "echo"),
    [
        ("What privilege is required to operate the pump?", "You need root privilege to operate the pump.",
         "To operate the pump, you need to have root privilege.", False),
        ("What privilege is required to operate the pump?", "You need the privilege to operate the pump.",
         "To operate the pump, you need to have root privilege.", True),
        ("What is the pump used for?", "The pump is a mixer.", "pump; mixer", True),
    ],
)
def test_one_word_beside_the_noun_that_is_asked_for_is_an_answer(
    question: str, answer: str, evidence: str, echo: bool
) -> None:
    fault = answer_fault(question, answer, evidence, "en")
    assert (fault.reason if fault else "") == ("echo" if echo else "")


@pytest.mark.parametrize(
    ("lang", "question", "answer", "cells"),
    [
        ("en", "What is the package gnumeric used for?", "The package gnumeric is a spreadsheet.", "gnumeric spreadsheet"),
        ("zh", "软件包 gnumeric 是什么？", "软件包 gnumeric 是表格。", "gnumeric 表格"),
    ],
)
def test_one_word_of_a_row_is_an_answer(lang: str, question: str, answer: str, cells: str) -> None:
    assert answer_fault(question, answer, cells, lang, "package 软件包", cells) is None
    fault = answer_fault(question, answer, cells, lang, "package 软件包")
    assert fault is not None and fault.reason == "echo"


@pytest.mark.parametrize(
    ("lang", "said", "evidence", "reason"),
    [
        ("en", "It stands for what the expression matched, `\\&` in emacs.", "& what the expression matched (\\& in emacs)", ""),
        ("en", "It stands for what the expression matched, `\\)` in emacs.", "& what the expression matched (\\& in emacs)",
         "unsupported_name"),
        ("zh", "它代表正则表达式匹配到的内容，在 emacs 里写成 `\\\\)`。", "& 代表正则表达式匹配到的内容（在 emacs 里写成 \\&）",
         "unsupported_name"),
        ("zh", "它代表正则表达式匹配到的内容，在 emacs 里写成 `\\&`。", "& 代表正则表达式匹配到的内容（在 emacs 里写成 \\&）", ""),
    ],
)
def test_what_follows_a_backslash_is_as_its_source_has_it(lang: str, said: str, evidence: str, reason: str) -> None:
    fault = answer_fault("What does & mean? 是什么？", said, evidence, lang)
    assert (fault.reason if fault else "") == reason


@pytest.mark.parametrize(("reason", "lang", "question", "fails", "passes"), ANSWERS)
def test_answers(reason: str, lang: str, question: str, fails: str, passes: str) -> None:
    fault = answer_fault(question, fails, PASSAGE[lang], lang)
    assert fault and (fault.reason, bool(fault.detail)) == (reason, True)
    assert answer_fault(question, passes, PASSAGE[lang], lang) is None


@pytest.mark.parametrize(
    ("lang", "question", "evidence", "denies", "agrees"),
    [
        ("en", "When is the oil of the pump changed?", "The oil of the pump is changed every 500 hours.",
         "The oil is not changed before 500 hours.", "The oil is changed after 500 hours."),
        ("zh", "润滑油什么时候更换？", "润滑油每运行 500 小时更换一次。", "运行 500 小时之前不更换润滑油。", "运行 500 小时更换润滑油。"),
    ],
)
def test_an_answer_denies_only_what_its_evidence_denies(
    lang: str, question: str, evidence: str, denies: str, agrees: str
) -> None:
    fault = answer_fault(question, denies, evidence, lang)
    assert fault and fault.reason == "unsupported_negation"
    assert answer_fault(question, agrees, evidence, lang) is None
    assert answer_fault(question, denies, evidence + {"en": " Never earlier.", "zh": "不要提前。"}[lang], lang) is None


@pytest.mark.parametrize(("lang", "question", "answer"), [("en", EN, "It is 2.5 bar."), ("zh", ZH, "默认压力是 2.5 bar。")])
def test_an_answer_without_evidence_is_refused(lang: str, question: str, answer: str) -> None:
    fault = answer_fault(question, answer, "", lang)
    assert fault and fault.reason == "no_evidence"


@pytest.mark.parametrize(
    ("lang", "question", "points", "tells"),
    [
        ("en", "Where are the limits of the KX-40 listed?", "Table 2.18 lists the limits of the KX-40.",
         "The name plate beside its red switch lists the limits."),
        ("zh", "KX-40 的压力上限列在哪里？", "压力上限列在第 2.18 节和表 2.18 中。", "压力上限列在红色开关旁边的铭牌上。"),
    ],
)
def test_another_place_of_the_document_is_no_answer_even_where_the_source_names_it(
    lang: str, question: str, points: str, tells: str
) -> None:
    fault = answer_fault(question, points, points, lang)
    assert fault and fault.reason == "leans_on_passage"
    assert answer_fault(question, tells, tells, lang) is None


@pytest.mark.parametrize(
    ("lang", "question", "answer", "evidence", "invents"),
    [
        ("en", "How are the tables of the KX-40 kept up to date?", "They are kept up-to-date in /var/kx_tables.",
         "The tables of the KX-40 are kept up to date under /var/kx_tables by a job.", "--to-date"),
        ("zh", "KX-40 的数据表保存在哪里？", "数据表保存在 /var/kx_tables. 目录下。", "KX-40 的数据表保存在目录 /var/kx_tables 下。", "/var/kx_rows"),
    ],
)
def test_a_hyphen_in_a_word_and_the_stop_after_a_path_are_no_names(
    lang: str, question: str, answer: str, evidence: str, invents: str
) -> None:
    assert answer_fault(question, answer, evidence, lang) is None
    fault = answer_fault(question, answer.replace("/var/kx_tables", invents), evidence, lang)
    assert fault and fault.reason == "unsupported_name"


def test_what_headings_name_may_be_named() -> None:
    question = "What does the KX-50 pump need?"
    statement = "The pump needs oil of grade ISO VG 46 after 500 hours."
    fault = question_fault(question, statement, "en")
    assert fault and fault.reason == "false_premise"
    assert question_fault(question, statement, "en", "KX-50 pump") is None


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("It takes three steps.", "There are 3 steps to take."),
        ("It holds 1000 litres.", "The tank holds 1,000 litres."),
        ("It is 0.50 bar.", "The pressure is 0.5 bar."),
        ("It is ４ bar here.", "The pressure is 4 bar here."),
    ],
)
def test_a_figure_may_be_written_in_other_ways(said: str, known: str) -> None:
    assert answer_fault("How much does the tank hold?", said, known, "en") is None


def test_chinese_number_words_are_figures() -> None:
    fault = answer_fault("启动离心泵需要几个步骤？", "启动需要四个步骤。", "启动离心泵需要 3 个步骤。", "zh")
    assert fault and fault.reason == "unsupported_figure"
    assert answer_fault("启动离心泵需要几个步骤？", "启动需要三个步骤。", "启动离心泵需要 3 个步骤。", "zh") is None


# ---- evidence ----


@pytest.mark.parametrize(
    ("quote", "lang", "found"),
    [
        ("The oil is changed every 500 hours.", "en", "The oil is changed every 500 hours."),
        ("the  oil is\nchanged every 500 hours.", "en", "The oil is changed every 500 hours."),
        ("The oil is changed every 500 hour.", "en", "The oil is changed every 500 hours."),  # a near miss
        ("润滑油每运行500小时更换一次。", "zh", "润滑油每运行 500 小时更换一次。"),
        ("压力不得超过 ４ bar，因为超过以后密封会泄漏", "zh", "压力不得超过 4 bar，因为超过以后密封会泄漏"),
    ],
)
def test_a_quote_is_aligned_to_what_the_text_says(quote: str, lang: str, found: str) -> None:
    span = align(quote, PASSAGE[lang])
    assert span
    piece = PASSAGE[lang][span[0] : span[1]]
    assert piece == found or (len(quote) - 3 < len(piece) < len(quote) + 3 and piece in PASSAGE[lang])


@pytest.mark.parametrize("quote", ["", "  ", "The motor is painted blue at the works.", "电动机在工厂里刷成蓝色。", "The oil"[:0]])
def test_a_quote_that_stands_nowhere_is_none(quote: str) -> None:
    assert align(quote, PASSAGE["en"]) is None and align(quote, PASSAGE["zh"]) is None


SENTENCES = {
    "en": ["The pump runs at 2.5 bar by default.", "The seal leaks above 4 bar.", "The oil is changed every 500 hours."],
    "zh": ["离心泵的默认压力是 2.5 bar。", "压力超过 4 bar 以后密封会泄漏。", "润滑油每运行 500 小时更换一次。"],
}


@pytest.mark.parametrize(
    ("lang", "answer", "proposed", "chosen"),
    [
        ("en", "Above 4 bar the seal leaks.", [1], [1]),
        ("en", "The seal leaks.", [2], [1]),  # the number was in range and wrong
        ("en", "Above 4 bar the seal leaks.", [], [1]),
        ("en", "By default 2.5 bar; the seal leaks above 4 bar.", [0], [0, 1]),
        ("en", "Nothing of that kind.", [], []),
        ("zh", "超过 4 bar 密封会泄漏。", [1], [1]),
        ("zh", "密封会泄漏。", [2], [1]),
        ("zh", "默认 2.5 bar，超过 4 bar 密封会泄漏。", [], [0, 1]),
        ("zh", "我不知道。", [0], []),
    ],
)
def test_the_sentences_that_carry_an_answer_are_its_evidence(
    lang: str, answer: str, proposed: list[int], chosen: list[int]
) -> None:
    assert carriers(answer, SENTENCES[lang], proposed, lang, 3) == chosen
    assert len(carriers(" ".join(SENTENCES[lang]), SENTENCES[lang], proposed, lang, 2)) == 2  # at most


# language, statement, question about its effect, question about its reason, the reason, another
REASONS = [
    ("en", "The seal leaks above 4 bar, because its soft rubber tears.", "Why does the seal leak above 4 bar?",
     "Why does the soft rubber tear?", "Its soft rubber tears.", "It leaks for the sake of safety."),
    ("en", "Since thin oil foams at speed, the pump needs grade 46.", "Why does the pump need grade 46?",
     "Why does thin oil foam at speed?", "Thin oil foams at speed.", "It needs the best."),
    ("en", "Thin oil foams at speed, so the pump needs grade 46.", "Why does the pump need grade 46?",
     "Why does thin oil foam at speed?", "Thin oil foams at speed.", "It needs the best."),
    ("zh", "压力超过 4 bar 时密封会泄漏，因为软橡胶会撕裂。", "为什么压力超过 4 bar 时密封会泄漏？", "为什么软橡胶会撕裂？",
     "因为软橡胶会撕裂。", "因为要保证安全。"),
    ("zh", "由于稀油高速时起泡沫，离心泵应当使用 46 号油。", "为什么离心泵应当使用 46 号油？", "为什么稀油高速时起泡沫？",
     "因为稀油高速时起泡沫。", "因为这样最好。"),
    ("zh", "稀油高速时起泡沫，所以离心泵应当使用 46 号油。", "为什么离心泵应当使用 46 号油？", "为什么稀油高速时起泡沫？",
     "因为稀油高速时起泡沫。", "因为这样最好。"),
]


@pytest.mark.parametrize(("lang", "statement", "effect", "reason", "given", "other"), REASONS)
def test_a_why_asks_about_the_effect_and_is_answered_by_the_reason(
    lang: str, statement: str, effect: str, reason: str, given: str, other: str
) -> None:
    assert reason_fault(effect, given, statement, lang) is None
    for question, answer in ((reason, given), (effect, other)):
        fault = reason_fault(question, answer, statement, lang)
        assert fault and fault.reason == "off_point"
    assert reason_fault(effect, given, "The seal leaks. 密封会泄漏。", lang)  # no reason there


def test_support_counts_what_carries_meaning() -> None:
    assert support("Exceeding the limits.", "to exceed a limit", "en") == 1.0  # inflections meet
    assert support("The seal is blue and heavy.", "the seal leaks", "en") == pytest.approx(1 / 3)
    assert support("密封会泄漏。", "因为密封泄漏", "zh") == 1.0
    assert support("of the and", "anything", "en") == 1.0  # nothing to support
    assert list(units("用 kx 设置上限", "zh")) == ["kx", "设置"]


def test_a_question_may_be_asked_in_the_first_person() -> None:
    statement = "The door sensor of the packing line is wiped with a dry cloth when E17 shows."
    asked = "I am at the packing line and E17 shows. With what is the door sensor wiped?"
    assert question_fault(asked, statement, "en") is None
    spoken = question_fault("As an AI, with what is the door sensor of the packing line wiped?", statement, "en")
    assert spoken is not None and spoken.reason == "meta"


@pytest.mark.parametrize(("lang", "statement", "question", "good", "circular"), [
    ("en", "The pump must be stopped first, otherwise the seal tears.", "Why must the pump be stopped first?",
     "Because the seal tears otherwise.", "Because the pump must be stopped first, otherwise the seal tears."),
    ("zh", "标题必须使用标题样式，否则会被当作正文。", "为什么标题必须使用标题样式？",
     "因为否则标题会被当作正文。", "因为标题必须使用标题样式，否则会被当作正文。"),
])
def test_a_reason_that_is_its_question_is_none(
    lang: str, statement: str, question: str, good: str, circular: str
) -> None:
    assert reason_fault(question, good, statement, lang) is None
    fault = reason_fault(question, circular, statement, lang)
    assert fault is not None and fault.reason == "echo"


@pytest.mark.parametrize(
    ("evidence", "question", "answer"),
    [
        ("Zip is the de-facto cross platform archive tool.", "What is the de-facto cross platform archive tool?",
         "Zip is the de-facto cross platform archive tool."),
        ("| `find . -name x` | find matching file names |", "What does the command `find . -name x` do?",
         "The command `find . -name x` finds matching file names."),
        ("To add an input source, open the settings and press the + button.", "What should I do to add an input source?",
         "To add an input source, open the settings and press the + button."),
        ("| grub-rescue-pc | bootable rescue images of GRUB for PC |", "What is the name of GRUB's bootable rescue images for PC?",
         "The name of GRUB's bootable rescue images for PC is grub-rescue-pc."),
    ],
)
def test_an_answer_that_repeats_the_question_and_gives_what_was_asked_is_no_echo(
    evidence: str, question: str, answer: str
) -> None:
    fault = answer_fault(question, answer, evidence, "en")
    assert fault is None, fault
    echoed = answer_fault(question, "It is the " + question[:-1].partition(" the ")[2] + ".", evidence, "en")
    assert echoed is not None
