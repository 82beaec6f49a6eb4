"""A word out of the prompt's examples, in a pair about something else."""

from __future__ import annotations

import pytest

from datagen.checks.borrowed import borrowed_fault, common_words

EXAMPLES = {
    "en": "Which setting of the gateway keeps the file of accounts?",
    "zh": "网关的哪个配置保存账户文件？",
}
PASSAGES = {
    "en": [f"Pump number {n} is set in the file pump.conf, and its warm-up lasts a minute." for n in range(30)],
    "zh": [f"第 {n} 号水泵的配置写在文件 pump.conf 里，预热一分钟。" for n in range(30)],
}


@pytest.mark.parametrize(
    ("lang", "said", "taken"),
    [
        ("en", "What is the default warm-up time of the gateway? A minute.", "gatew"),
        ("zh", "网关的预热时间是多少？一分钟。", "网关"),
        ("en", "Which file sets the warm-up of the pump? The file pump.conf.", ""),
        ("zh", "水泵的预热配置写在哪个文件里？写在文件 pump.conf 里。", ""),
    ],
)
def test_a_word_of_the_examples_that_the_documents_never_use(lang: str, said: str, taken: str) -> None:
    common = common_words(PASSAGES[lang], lang)
    fault = borrowed_fault(said, EXAMPLES[lang], PASSAGES[lang][0], common, lang)
    assert (fault.detail.partition(":")[0] if fault else "") == taken
    assert fault is None or fault.reason == "from_example"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_the_passage_says_is_its_own_and_a_short_document_tells_nothing(lang: str) -> None:
    said, common = EXAMPLES[lang], common_words(PASSAGES[lang], lang)
    assert borrowed_fault(said, EXAMPLES[lang], EXAMPLES[lang], common, lang) is None
    assert common_words(PASSAGES[lang][:5], lang) is None
    assert borrowed_fault(said, EXAMPLES[lang], "", None, lang) is None
