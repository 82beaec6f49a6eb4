"""Every sentence of the page has its Chinese, and a Chinese page shows no English label."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path

import pytest

from curate.report import advice, build, comparison, conceal, evaluation, funnel, quality, summary, survey, words
from curate.report.chinese import NAMES, NOUNS, SENTENCES
from curate.report.chinese_advice import ADVICE
from tests.curate.report.run import write_run

FOLDER = Path(build.__file__).parent
FIELD = re.compile(r"\{(\w+)\}")


def said() -> set[str]:
    """The English sentences: what `words(…)` and `_(…)` are called with, and the tables that they are taken from."""
    found = set()
    for path in FOLDER.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "words" and call.args:
                found |= {c.value for c in ast.walk(call.args[0]) if isinstance(c, ast.Constant) and len(str(c.value)) > 1}
    for path in FOLDER.glob("*.j2"):
        found |= set(re.findall(r"\b_\('([^']+)'", path.read_text(encoding="utf-8")))
    found |= {text for _, text in advice._REMEDIES} | set(funnel._LABELS.values()) | set(quality._HOW.values())
    found |= set(survey._SPLITS.values()) | set(words._STAGES.values()) | set(words._LANGUAGES.values())
    found |= {part for parts in evaluation._SETS.values() for part in parts} | set(summary._ON.values())
    found |= {name.capitalize() for name in quality._HOW} | {conceal._HIDDEN}
    return {str(text) for text in found if re.search(r"[A-Za-z]{2}", FIELD.sub("", str(text)))}


def test_no_sentence_is_without_its_chinese() -> None:
    assert said() - SENTENCES.keys() == set()


def test_translations_fill_in_the_same_figures_and_are_chinese() -> None:
    for english, chinese in SENTENCES.items():
        assert set(FIELD.findall(english)) == set(FIELD.findall(chinese)), english
        assert re.search(r"[\u4e00-\u9fff（），。：/{]", chinese), english
    assert all(re.search(r"[\u4e00-\u9fff]", name) for name in (*NAMES.values(), *NOUNS.values()))
    assert len(ADVICE) > 60 and comparison.Compared.__doc__


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = write_run(tmp_path_factory.mktemp("run"))
    options = build.Options(language="zh", encoder="lexical", points=60, title="水泵")
    return build.build(run, tmp_path_factory.mktemp("out"), options).read_text(encoding="utf-8")


def test_a_chinese_page_has_no_english_label(chinese: str) -> None:
    assert '<html lang="zh-Hans">' in chinese
    body = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", chinese[chinese.index("<body>") :], flags=re.S)
    for heading in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", body, flags=re.S):
        assert re.search(r"[\u4e00-\u9fff]|ROUGE-L|IFD", heading), heading
    # Texts of records, of documents and of other stages are data: they stand in elements that say their language.
    for marked in ("p", "span", "article", "ol", "dd", "blockquote", "details", "h1"):
        body = re.sub(rf'<{marked}(?: [^>]*)? ?lang="en"[^>]*>.*?</{marked}>', "", body, flags=re.S)
    body = re.sub(r"<(article|blockquote|details|dl|title|code|p class=\"(?:id|meta|name|place|gaps))[ >].*?</\1?", "", body, flags=re.S)
    labels = {re.sub("“[^”]*”", "", unescape(text)).strip() for text in re.findall(r">([^<>]+)<", body)}
    english = {text for text in labels if re.search(r"\b(?:the|of|and|records?|passages?|tokens|kept|left out)\b", text)}
    assert {text for text in english if not text.startswith("Sure! Here are the pairs")} == set()


def test_the_page_is_chinese_where_most_records_are(tmp_path: Path) -> None:
    from curate.report.tally import Tally
    from seedbed.record import chat

    def of(*tongues: str) -> str:
        tally = Tally()
        for number, tongue in enumerate(tongues):
            tally.add(chat(f"{number}?", "!", language=tongue))
        return build._language(build.Options(), tally)

    assert (of("zh", "zh", "en"), of("zh", "en"), of("en"), of()) == ("zh", "en", "en", "en")
