"""The faults of a pair, told in the same way whoever made it: against its WHOLE passage.

doc_qa holds its pairs against the sentences that they are about, which only it knows. Here nothing is known of a pair
but its passage, so both sides are judged alike: copied word for word, cut, asks nothing, leans on the passage, repeats
the question, in another language, a figure, name or command that the passage does not have, words that it does not
support; and a question that was asked before. The first fault of the question and the first of the
answer are counted, so a pair may have two.

Most of these tests are also doc_qa's own, so that its share comes near 1 by construction. What it says is what the
OTHER side would have let through; what these tests do not see, only reading tells (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from datagen.checks import verify
from seedbed.gate import Gate
from seedbed.record import Record
from seedbed.text import tokenize

# ROUGE-L. At doc_qa's 0.7, questions that differ in one name are twins ("What is the purpose of the 'df' command?").
_TWIN = 0.9
# In tokens. So short an answer without a stop may be a bare name or command ("df(1)"), which doc_qa never gives: it is
# judged as the end of a sentence, or it would count as cut off and, in Chinese, as English.
_SHORT = 12
_STOPS = (".", "!", "?", "。", "！", "？")
_FRAME = {"en": "It is {0}.", "zh": "答案是{0}。"}


def faults(records: Iterable[Record], passages: Mapping[str, Record], about: str) -> Iterator[list[str]]:
    """The faults of each record, in order; an empty list where there are none."""
    gate = Gate(_TWIN)
    for record in records:
        passage = passages[record.history[-1].parents[0]]
        names = f"{' '.join(passage.source.headings if passage.source else ())} {about}"
        asked, said, lang = record.instruction, record.answer, record.language
        one = verify.question_fault(asked, passage.text, lang, names)
        bare = len(tokenize(said)) <= _SHORT and not said.rstrip().endswith(_STOPS)
        other = verify.answer_fault(asked, _FRAME[lang].format(said) if bare else said, passage.text, lang, names)
        reasons = [fault.reason for fault in (one, other) if fault]
        if gate.offer(record.id, asked):
            reasons.append("twin_question")
        yield reasons
