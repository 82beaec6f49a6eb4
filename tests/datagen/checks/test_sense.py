"""Pairs that have all the words of their statement and not its sense."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datagen.checks import verify
from datagen.checks.reasons import reason_fault
from datagen.checks.sense import kind_fault, sense_fault
from datagen.material import kinds


@pytest.mark.parametrize(
    ("statement", "question", "answer", "reason"),
    [
        ("Many traditional programs record their activities in text files under /var/log.",
         "What do the text files under /var/log record?", "Many traditional programs record their activities.",
         "off_point"),
        ("A journal row is identified by a hash of the request.", "What does a journal row identify?",
         "It identifies a hash of the request.", "off_point"),
        ("Under the night mode, you can print reports of the day.", "What does the night mode allow you to do?",
         "It allows you to print reports of the day.", ""),
        ("You can search the local data with grep-dctrl(1).", "What does the grep-dctrl command do?",
         "It searches the local data.", ""),
        ("Press Enter on a file, and the program handles its content.", "What does pressing Enter on a file do?",
         "The program handles the content of the file.", ""),
        ("The audit log records who changed a contract.", "What does the audit log record?",
         "It records who changed a contract.", ""),
        ("If the lamp blinks twice, the filter must be cleaned.", "What must be done with the filter?",
         "The filter must be cleaned.", "dropped_condition"),
        ("If the lamp blinks twice, the filter must be cleaned.", "What must be done if the lamp blinks twice?",
         "The filter must be cleaned.", ""),
        ("如果指示灯闪烁两次，就必须清洗滤芯。", "滤芯必须怎样处理？", "滤芯必须清洗。", "dropped_condition"),
        ("如果指示灯闪烁两次，就必须清洗滤芯。", "指示灯闪烁两次时应当怎样处理？", "必须清洗滤芯。", ""),
        ("Many useful scalable fonts are available.", "What are some useful scalable fonts?",
         "Many useful scalable fonts are available.", "no_list"),
        ("Mail is under some limits in order to keep spam away.", "What are the limits of mail?",
         "Mail is under some limits in order to keep spam away, and they matter.", "no_list"),
        ("The pump needs the proper shutdown procedure before power is cut.", "What is the proper shutdown procedure for the pump?",
         "The pump needs the proper shutdown procedure before power is cut.", "off_point"),
        ("The proper shutdown procedure is to close V1 first.", "What is the proper shutdown procedure for the pump?",
         "The proper shutdown procedure is to close V1 first.", ""),
        ("The udpkg command is a stripped down version of the dpkg command.", "What is the dpkg command?",
         "The dpkg command is a stripped down version of the udpkg command.", "off_point"),
        ("The udpkg command is a stripped down version of the dpkg command.", "What is the udpkg command?",
         "The udpkg command is a stripped down version of the dpkg command.", ""),
        ("水泵 P20 是一种缩小了的 P90，价格更低。", "P90 是什么？", "P90 是一种缩小了的水泵 P20。", "off_point"),
        ("水泵 P20 是一种缩小了的 P90，价格更低。", "水泵 P20 是什么？", "水泵 P20 是一种缩小了的 P90。", ""),
        ("A gateway may be used to move old mails, where the client can use it, too.",
         "What is the purpose of using a gateway to move old mails?", "The purpose is to move old mails if the client can use it.",
         "echo"),
        ("A gateway may be used to move old mails, where the client can use it, too.",
         "What is the purpose of the gateway?", "The purpose is to move old mails.", ""),
        ("The archive is offered by HTTP and FTP.", "What are the ways to the archive?", "HTTP and FTP.", ""),
    ],
)
def test_sense(statement: str, question: str, answer: str, reason: str) -> None:
    fault = sense_fault(question, answer, statement, "zh" if "，" in statement else "en")
    assert (fault.reason if fault else "") == reason


@pytest.mark.parametrize(
    ("statement", "question", "reason"),
    [
        ("The dedicated fallocate(8) can be used here instead of dd(1).",
         "What is the difference between fallocate(8) and dd(1)?", "off_point"),
        ("A wrench differs from a spanner in its open jaw.", "What is the difference between a wrench and a spanner?", ""),
        ("专业的 fallocate(8) 可以在这里被使用，用来替代 dd(1)。", "fallocate(8) 和 dd(1) 有什么区别？", "off_point"),
        ("文件大小是 5.0 GiB，而实际占用只有 83 MiB。", "文件大小和实际占用有什么区别？", ""),
        ("水泵可以授予其它用户有限的权限而不共享密码。", "水泵如何授予其它用户有限的权限？", "off_point"),
        ("水泵通过口令授予其它用户有限的权限。", "水泵如何授予其它用户有限的权限？", ""),
        ("拆下滤网，在温水中冲洗。", "如何清洗滤网？", ""),
        ("如果指示灯闪烁两次，就必须清洗滤芯。", "指示灯闪烁两次时滤芯必须怎样处理？", ""),
    ],
)
def test_a_kind_of_question_that_the_statement_cannot_answer(statement: str, question: str, reason: str) -> None:
    lang = "en" if statement.isascii() else "zh"
    fault = kind_fault(question, statement, lang, kinds.carried(statement, lang))
    assert (fault.reason if fault else "") == reason


_PIECES = st.sampled_from(
    ["What does ", "What are the ", "What is ", "Which ", "why ", "因为", "如何", "区别", "？", "? ", "the ", "mount", "(8)",
     "size) ", "(", ")", "[", "]", "\\", "*", "+ ", "{2,", "|", "^$", "`", "”", "some ", "needs ", " if ", "，", "4 bar"]
)
_TEXTS = st.lists(_PIECES, max_size=12).map("".join)


@example("What does the option (size) set?", "It sets 4 bar.", "The option (size) sets 4 bar.", "en")
@given(_TEXTS, _TEXTS, _TEXTS, st.sampled_from(["en", "zh"]))
def test_no_text_is_too_strange_for_the_checks(question: str, answer: str, statement: str, lang: str) -> None:
    """Brackets of "What does the option (size) …?" once went into a pattern as they stood."""
    for fault in (
        sense_fault(question, answer, statement, lang),
        kind_fault(question, statement, lang, kinds.carried(statement, lang)),
        reason_fault(question, answer, statement, lang),
        verify.question_fault(question, statement, lang),
        verify.answer_fault(question, answer, statement, lang),
    ):
        assert fault is None or (fault.reason and fault.detail)
