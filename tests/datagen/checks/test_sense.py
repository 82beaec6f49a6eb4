"""Pairs that have all the words of their statement and not its sense."""

from __future__ import annotations

import pytest

from datagen.checks.sense import sense_fault


@pytest.mark.parametrize(
    ("statement", "question", "answer", "reason"),
    [
        ("Many traditional programs record their activities in text files under /var/log.",
         "What do the text files under /var/log record?", "Many traditional programs record their activities.",
         "off_point"),
        ("A journal row is identified by a hash of the request.", "What does a journal row identify?",
         "It identifies a hash of the request.", "off_point"),
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
        ("The archive is offered by HTTP and FTP.", "What are the ways to the archive?", "HTTP and FTP.", ""),
    ],
)
def test_sense(statement: str, question: str, answer: str, reason: str) -> None:
    fault = sense_fault(question, answer, statement, "zh" if "，" in statement else "en")
    assert (fault.reason if fault else "") == reason
