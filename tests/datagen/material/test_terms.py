"""Lists of terms without a head: nested items, items with a colon, the rows of a table whose head is elsewhere."""

from __future__ import annotations

import pytest

from datagen.material.passages import passage_of
from seedbed.record import Source, make

# language, text, what is stated of the first term, its key, its number and that of the sentence that has the term
LISTS = [
    ("en", "# Device files\n\nThere are two types.\n\n- Character device\n  - accessed one character at a time\n"
     "  - a keyboard is one\n- Block device\n  - accessed in larger units called blocks",
     "Device files – Name: Character device; Meaning: accessed one character at a time", "Character device", 2, 1),
    ("zh", "# 软件包依赖\n\n下面是简单的定义。\n\n•“依赖”\n\n  - 绝对的依赖，软件包必须同时或提前安装。\n- ” 预依赖”\n"
     "  - 类似于依赖，但必须提前完成安装。",
     "软件包依赖 – 名称: 依赖; 含义: 绝对的依赖，软件包必须同时或提前安装。", "依赖", 2, 1),
    ("en", "# LVM\n\n- lvs(8): report information about logical volumes\n- vgs(8): report information about groups",
     "LVM – Name: lvs(8); Meaning: report information about logical volumes", "lvs(8)", 0, 0),
    ("zh", "# LVM\n\n- lvs(8)：报告逻辑卷的相关信息\n- vgs(8)：报告卷组的相关信息",
     "LVM – 名称: lvs(8); 含义: 报告逻辑卷的相关信息", "lvs(8)", 0, 0),
    ("en", "| gimp | V:53 | 19767 | bitmap editor |\n| planner | V:0 | 1458 | project management |\n"
     "| \\| sort | V:1 | 90 | sort the lines |\n\nTable 7.3: List of graphical programs\n",
     "graphical programs – Name: gimp; Meaning: bitmap editor", "gimp", 0, 0),
    ("zh", "| gimp | V:53 | 19767 | 位图编辑器 |\n| planner | V:0 | 1458 | 项目管理 |\n"
     "| \\| sort | V:1 | 90 | 给行排序 |\n\n表 7.3：图形程序列表\n",
     "图形程序 – 名称: gimp; 含义: 位图编辑器", "gimp", 0, 0),
    ("en", "# Shell variables\n\n- For ”$USER”, use ”$(id -un)”\n- For ”$UID”, use ”$(id -u)”",
     "Shell variables – Name: $USER; Meaning: use ”$(id -un)”", "$USER", 0, 0),
    ("zh", "# Shell 变量\n\n- 对于”$USER”，使用”$(id -un)”\n- 对于”$UID”，使用”$(id -u)”",
     "Shell 变量 – 名称: $USER; 含义: 使用”$(id -un)”", "$USER", 0, 0),
]


@pytest.mark.parametrize(("lang", "text", "stated", "key", "number", "at"), LISTS)
def test_a_term_and_its_meaning_are_told_like_a_row(
    lang: str, text: str, stated: str, key: str, number: int, at: int
) -> None:
    passage = passage_of(make(text=text), lang)
    first = next(point for point in passage.key_points() if point.form == "row")
    assert (first.numbers, first.kinds) == ((number,), ("fact",))
    assert passage.stated(number) == stated
    assert passage.tables.key(number, passage.sentences[number]) == key and passage.heads[number] == at


def test_a_bar_within_a_cell_ends_no_cell() -> None:
    passage = passage_of(make(text=LISTS[4][1]), "en")
    assert passage.stated(2) == "graphical programs – Name: | sort; Meaning: sort the lines"


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "- Documentation: https://example.org/manual\n- Wiki: KernelFAQ"),
        ("zh", "- 文档：https://example.org/manual\n- 桌面：“设置” → “系统” → “默认程序”"),
        ("en", "- Tracker: no bugs of the worst kind\n- Tracker: an answer within a week"),  # which of the two?
        ("zh", "- 跟踪系统：没有最严重的缺陷\n- 跟踪系统：一周以内给出答复"),
        ("en", "- It may also offer more: contacts, a calendar, tasks"),
        ("zh", "- 该文件应当有像“hosts：files dns 这样”的一行"),
        ("en", "- Copy a file with this command:\n  - the source comes first"),
        ("zh", "- 用下面的命令复制文件：\n  - 先写源文件的名称"),
        ("en", "| a | bitmap editor |\n| b | project manager |"),  # scattered pieces of a table
        ("zh", "| 甲 | 位图编辑器 |\n| 乙 | 项目管理 |"),
    ],
)
def test_what_only_looks_like_a_term_is_none(lang: str, text: str) -> None:
    assert not [point for point in passage_of(make(text=text), lang).key_points() if point.form == "row"]


def test_a_shell_prompt_is_no_heading_of_a_table() -> None:
    text = "# Images\n\n```\n# dd if=/dev/sda of=a.img\n```\n\n- a.img: image of the whole disk"
    passage = passage_of(make(text=text), "en")
    (point,) = [point for point in passage.key_points() if point.form == "row"]
    assert passage.stated(point.numbers[0]).startswith("Images – Name: a.img; ")


@pytest.mark.parametrize(
    ("lang", "text", "stated"),
    [
        ("en", "| krdc | V:1, I:17 | 3882 | KRDC: a remote desktop client |\n| --- | --- | --- | --- |\n"
         "| vinagre | V:4, I:10 | 4249 | Vinagre: a viewer of desktops |\n| guacd | V:0, I:1 | 80 | a gateway for browsers |",
         "guide – Name: guacd; Meaning: a gateway for browsers"),
        ("zh", "| git stash | 得到干净的工作树而不丢失数据 |\n| --- | --- |\n| git push | 把分支推送到远程仓库 |\n"
         "| git clean | 删除没有跟踪的文件 |", "guide – 名称: git clean; 含义: 删除没有跟踪的文件"),
        ("en", "| group | description of what it may read |\n| --- | --- |\n| adm | the files of the log |\n"
         "| disk | all block devices |", "guide – group: disk; description of what it may read: all block devices"),
        ("zh", "| 替换表达式 | 用来替换的文本是什么 |\n| --- | --- |\n| & | 正则表达式匹配到的内容 |\n| \\n | 第 n 个分组的内容 |",
         "guide – 替换表达式: \\n; 用来替换的文本是什么: 第 n 个分组的内容"),
    ],
)
def test_the_first_row_of_a_page_is_no_head(lang: str, text: str, stated: str) -> None:
    passage = passage_of(make(text=text, source=Source(document="guide.md")), lang)
    assert passage.stated(2) == stated


def test_chinese_sentences_are_joined_without_running_words_together() -> None:
    passage = passage_of(make(text="- 运行 xargs -n 1 command\n- find(1) 找到文件。\n\n然后结束。"), "zh")
    assert passage.joined(passage.spans) == "- 运行 xargs -n 1 command - find(1) 找到文件。然后结束。"
