"""Cleaning repairs what is broken and touches nothing that a Chinese or technical text needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.cleaning.clean import Options, clean, clean_text
from seedbed.context import Context
from seedbed.record import Evidence, Record, Source, chat, make


def run(*records: Record, options: Options | None = None) -> list[Record]:
    return list(clean(records, options or Options(), Context(Path())))


def cleaned(text: str) -> tuple[str, str]:
    done: set[str] = set()
    return clean_text(text, Options(), done), ", ".join(sorted(done))


@pytest.mark.parametrize(("dirty", "expected", "kind"), [
    ("<p>Close the <b>valve</b>.</p><p>Then stop.</p>", "Close the valve.\nThen stop.", "html, space"),
    ("<div class=x>关闭阀门。<br/>然后停泵。</div>", "关闭阀门。\n然后停泵。", "html, space"),
    ("5 m<sup>2</sup>, H<sub>2</sub>O, 10<sup>-3</sup>, x<sub>max</sub>", "5 m², H₂O, 10⁻³, x_(max)", "html"),
    ("P &gt; 5 bar &amp;amp; T &lt; 60&nbsp;°C", "P > 5 bar & T < 60 °C", "html, space"),
    ("<p>水泵已停。</p><!-- ad -->", "水泵已停。", "html, space"),
    ("<h2>Pumps</h2>\n<p>A pump moves <a href='/l'>liquid</a>.<br>It turns.</p>", "Pumps\n\nA pump moves liquid.\nIt turns.",
     "html, space"),
    ("Stop\x00 the\u200b pump.\x1b[31m Now\ufeff", "Stop the pump. Now", "control"),
    ("first\r\nsecond\rthird", "first\nsecond\nthird", "control"),
    ("The pumpâ€™s cafÃ©", "The pump’s café", "encoding"),
    ("水泵已停止，请检查。".encode().decode("latin-1"), "水泵已停止，请检查。", "encoding"),
    ("soft\xadhyphen", "softhyphen", "encoding"),
    ("ef\ufb01cient", "efficient", "encoding"),
    ("line one   \nline two\t\n\n\n\nline three\n\n", "line one\nline two\n\nline three", "space"),
    ("The  pump   runs.", "The pump runs.", "space"),
    ("太好了！！！！！！！！", "太好了！！！", "repeats"),
    ("哈哈哈哈哈哈哈哈哈", "哈哈哈", "repeats"),
    ("Sooooooooo good……………………", "Sooo good……", "repeats"),
    ("Chapter 1 ............ 5", "Chapter 1 ... 5", "repeats"),
])
def test_what_is_broken_is_repaired(dirty: str, expected: str, kind: str) -> None:
    assert cleaned(dirty) == (expected, kind)


@pytest.mark.parametrize("text", [
    "压力为（１２±０．５）ｋＰａ，温度≤６０℃；详见《手册》——第３章……“注意”！",
    "全角空格　和，。；：？！、【】「」『』都保留",
    "ΔT = 5 K, 20 µm, 3 × 10⁵ Pa, ½″, Ø 12 mm, 100 Ω, CO₂, naïve, Müller",
    "include <stdio.h>, call Map<K, V>, edit <file name>, a < b and c > d, cp <a> <b>",
    "Title\n-----\n\n* * *\n\n==========\n\n| a   | b   |\n|-----|-----|\n| !!!!!!!! | x |",
    "eth0    up      1500\nlo      up      65536",
    "键    值\n甲    一",
    "Use `a  b   !!!!!!!!` and `<br>` here",
    "```html\n<p>hi</p>   \n\n\n\n!!!!!!!!!\n```",
    "```\nnever closed   \n<b>x</b>\n\n\n\nend  x",
    "Example:\n\n    if  x:\n        y  =  <b>1</b>\n\nDone.",
    "公式 $a  <b> !!!!!!! x</b>$ 和 \\(x  y\\) 以及 $$\\frac{1}{2}   \n y$$ 成立",
    '{"a":  "<b>x</b>",\n\n\n\n "b": "!!!!!!!!"}',
    "key AAAAAAAA1bbbbbbb, sk-xxxxxxxxxxxx, 1000000000, 0x00000000, aaaaaaaa-bbbb",
    "家庭 👨‍👩‍👧 emoji",
    "It costs $5 or $10...",
    "One.  Two blanks, as typed on a machine.",
    "A: 西蒙找到了一个   _   。",
    "<script>track()</script>泵已停。",
    "<table><tr><td>泵</td><td>停。</td></tr></table>",
    "White is #FFFFFF, black is #000000, ff02::1:ffffff is an address.",
    "白色是 #FFFFFF，掩码是 FFFFFFFFFFFF。",
    "AAAAAAAAGT binds TTTTTTTTCA, aaaaaaaagt too.",
    "序列 AAAAAAAAGT 与 aaaaaaaagt 互补。",
])
def test_nothing_that_is_needed_is_touched(text: str) -> None:
    assert cleaned(text) == (text, "")


def test_escaped_tags_were_meant_to_be_seen() -> None:
    assert cleaned("Write &lt;p&gt;text&lt;/p&gt; and AT&amp;T")[0] == "Write &lt;p&gt;text&lt;/p&gt; and AT&amp;T"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["<p>", "</p>", "<b>", "&lt;", "&amp;", "b>", "`", "```\n", "    ", "\n", "  ", "泵",
                                 "！！！！！！！", "pump", "é", "ﬁ", "$", "|", "\t", "\r\n", "<br>", "\xa0", "。",
                                 "<!--", "-->"]), max_size=12))
def test_cleaning_twice_is_cleaning_once(parts: list[str]) -> None:
    once = cleaned("".join(parts))[0]
    assert cleaned(once) == (once, "")


def test_a_changed_record_says_what_was_done_and_knows_its_parent() -> None:
    before = chat("问题？  ", "<p>回答。</p>", input="a\r\nb", evidence=(Evidence("<p>原文  </p>", 3, 11),))
    [after] = run(before)
    assert (after.instruction, after.answer, after.input) == ("问题？", "回答。", "a\nb")
    assert after.evidence == before.evidence
    assert after.history[-1].stage == "clean" and after.history[-1].note == "control, html, space"
    assert after.id != before.id and after.history[-1].parents == (before.id,)


def test_a_sound_record_is_the_same_record() -> None:
    record = chat("What is 5 < 6?", "True.\n\n```py\nx =  1   \n```")
    assert run(record) == [record]


@pytest.mark.parametrize("record", [
    chat("How do I write a paragraph in HTML?", "Like this: <p>words</p>"),
    chat("<b>粗体</b>这个标签怎么用？", "写成 <b>文字</b>。"),
    chat("How do I write a login form?", '<form action="/login"><input name="u"><button>Go</button></form>'),
    chat("怎么写一个登录表单？", '<form action="/login"><input name="u"><button>登录</button></form>'),
    chat("How do I write a React component?", "function A() { return <div><p>hi</p></div>; }"),
    chat("用 React 写一个问候组件。", "function A() { return <div><p>你好。</p></div>; }"),
    chat("Show it.", "const a = () => <div><p>All is well.</p></div>;"),
    chat("给我看看。", "const a = () => <div><p>一切正常。</p></div>;"),
    chat("Write a Vue template.", "<template><p>{{ msg }}</p>\n\n</template>"),
    chat("写一个 Vue 模板。", "<template><p>{{ 消息 }}</p>\n\n</template>"),
    chat("What may stand in a string?", '<string name="a">Hello <b>world</b>.</string><br>'),
    chat("字符串里可以写什么？", '<string name="a">你好，<b>世界</b>。</string><br>'),
    chat("How do I make a word bold on GitHub?", "Write **word** or <b>word</b>.<br>Then save."),
    chat("How do I make a word bold on a web page?", "Write <b>word</b>.<br>Then save."),
    chat("在 GitHub 上怎么加粗？", "写成 **文字** 或 <b>文字</b>。<br>再保存。"),
    chat("怎么在Markdown里换行？", "写 <br> 即可"),
    chat("怎么另起一行？", "写 <br> 即可。"),
    chat("How do I start a new line?", "Use <br> and go on."),
    chat("How do I write an ampersand in a web page?", "Write &amp; in the source."),
    chat("怎么打出这个符号？", "输入 &amp; 即可。"),
    chat("Make a box.", "<div>\n  <p>All is well.</p>\n</div>"),
    chat("画一个框。", "<div>\n  <p>一切正常。</p>\n</div>"),
])
def test_a_record_about_mark_up_or_code_keeps_its_tags(record: Record) -> None:
    assert run(record) == [record]


def test_passages_keep_every_character_because_offsets_point_at_them() -> None:
    passage = make(text="  <b>x</b>  \r\n", source=Source(document="a.md", start=0, end=14))
    assert run(passage) == [passage]


@pytest.mark.parametrize(("record", "reason"), [
    (chat("说什么？", "<p> </p>"), "empty"),
    (chat("Say nothing.", "\u200b\n"), "empty"),
    (chat("什么是泵？", "泵是锟斤拷输送液体的机器。"), "broken"),
    (chat("What is it?", "A p\ufffdmp."), "broken"),
    (chat("读到了什么？", "烫烫烫烫烫烫烫烫屯屯"), "broken"),
    (chat("What was read?", "Name: 屯屯屯屯屯屯屯屯"), "broken"),
])
def test_what_cannot_be_repaired_is_rejected(record: Record, reason: str) -> None:
    [after] = run(record)
    assert after.rejection is not None and (after.rejection.stage, after.rejection.reason) == ("clean", reason)


def test_a_record_about_broken_encoding_may_show_it() -> None:
    record = chat("为什么会出现“锟斤拷”这样的乱码？", "U+FFFD 的 UTF-8 字节被当作 GBK 读出来，就成了锟斤拷。")
    assert run(record) == [record]


@pytest.mark.parametrize("record", [
    chat("水温怎么样？", "烫烫烫！别碰。"), chat("How does one cry “hot” in Chinese?", "One cries 烫烫烫!"),
])
def test_a_cry_is_no_broken_memory(record: Record) -> None:
    assert run(record) == [record]


def test_figures_and_options(tmp_path: Path) -> None:
    context = Context(tmp_path)
    list(clean([chat("a", "b.<!-- c -->"), chat("c", "d  "), chat("e", "f")], Options(), context))
    assert context.figures["repaired"] == {"html": 1, "space": 1}
    assert run(chat("a", "<p>b.</p> "), options=Options(html=False))[0].answer == "<p>b.</p>"
    with pytest.raises(ValueError, match="longest_run"):
        Options(longest_run=1)
