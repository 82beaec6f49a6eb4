"""Slips of the keyboard and the input method, made by code and seeded: what people type, not what breaks a text.

    English   a neighbouring key, two letters swapped, one left out or doubled; a capital or the last mark missing
    Chinese   a word of the same sound chosen in the input method (登录 -> 登陆); 的 for 得 and the like; a mark of the
              other width, or the last one missing

Never touched: figures, names, commands, code, quotes, addresses and words with capitals. Question words, negations and
the like are left alone too, because a slip there turns the sense. A small first letter or a mark of the other width
comes only beside another slip: alone it is the same text to every comparison.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import partial

from datagen.augment.meaning import free
from datagen.checks.verify import identifiers
from seedbed.text import CJK, length

# One slip for so many tokens, and no more than three: people mend the rest while they type. Chosen by us; the sentence
# must stay easy to read.
_TOKENS_A_SLIP, _MOST = 12, 3
_SHORTEST = 6  # tokens of a text that may get one

# Left and right on a QWERTY keyboard.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEXT = {
    letter: row[max(0, n - 1) : n] + row[n + 1 : n + 2] for row in _ROWS for n, letter in enumerate(row)
}
# Words whose slips turn the sense, or make another question.
_SENSE = frozenset(
    "what which when where whose whom does long many much often none never cannot without neither nothing least most "
    "more less than into from only before after above below over under high down left right".split()
)
_WORD = re.compile(r"(?<![\w.`/'’-])[a-z]{4,}(?![\w`/'’-]|\.\w)")
# Word and slip, of equal length: the same or nearly the same sound in pinyin, as they stand in real mail and manuals.
# Collected by us. None that is a figure, denies or asks, and none whose slip names another thing.
_SOUNDS = {
    pair[: len(pair) // 2]: pair[len(pair) // 2 :]
    for pair in (
        "登录登陆 安装按装 部署布署 账号帐号 账户帐户 记录纪录 操作操做 按照安照 根据跟据 "
        "可以可已 以后已后 以前已前 已经以经 因为应为 所以所已 必须必需 设置设制 配置配制 "
        "检查检察 密码秘码 启动起动 重启从启 连接联接 修改修该 应该因该 时候时侯 需要须要 "
        "备份备分 身份身分 训练训炼 练习炼习 图像图象 其他其它 做法作法 作业做业 粘贴粘帖 "
        "情况请况 问题问提 界面介面 服务器服务气 密封蜜封 润滑润划 显示显视 影响影想 再次在次 "
        "正在正再 存在存再 现在现再 现象现像 像素象素 继续既续 调整条整 停机停击 保存保村 "
        "反应反映 制定制订 松弛松驰 截止截至 复位复为 监控监空 压力压利 温度温渡 数据数剧 "
        "文件文建"
    ).split()
}
_PARTICLES = re.compile(rf"(?<=[{CJK}]{{2}})[的地得](?=[{CJK}]{{2}})")
_MARKS = {"，": ",", "。": ".", "？": "?", "：": ":", "（": "(", "）": ")"}
_LAST = re.compile(r"[.?。？]\s*$")


def noisy(text: str, lang: str, random_: random.Random) -> tuple[str, list[str]]:
    """The text with one to three slips, and their names; the text as it was and none where nothing may be touched."""
    if length(text) < _SHORTEST:
        return text, []
    wanted = random_.randint(1, max(1, min(_MOST, length(text) // _TOKENS_A_SLIP)))
    kinds, done = list(_FIRST[lang]), list[str]()
    for _ in range(wanted):
        for kind in random_.sample(kinds, len(kinds)):
            changed = _SLIPS[kind](text, random_)
            if changed != text and identifiers(changed) == identifiers(text):
                text, done = changed, [*done, kind]
                break
        else:
            break
        # Fingers slip more than once, a mark is left out once.
        kinds = [k for k in (*_FIRST[lang], *_BESIDE[lang]) if k in _AGAIN or k not in done]
    return text, done


def _in_word(text: str, random_: random.Random, slip: str) -> str:
    """A slip of the keys inside a word; first letters are right nearly always, and so are they here."""
    words = [match for match in free(text, _WORD) if match.group() not in _SENSE]
    if not words:
        return text
    match = random_.choice(words)
    word, at = match.group(), random_.randrange(1, len(match.group()) - 1)
    if slip == "swap":
        changed = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif slip == "dropped":
        changed = word[:at] + word[at + 1 :]
    elif slip == "doubled":
        changed = word[:at] + word[at] + word[at:]
    else:
        changed = word[:at] + random_.choice(_NEXT[word[at]]) + word[at + 1 :]
    return text[: match.start()] + changed + text[match.end() :]


def _sound(text: str, random_: random.Random) -> str:
    found = free(text, re.compile("|".join(_SOUNDS)))
    if not found:
        return text
    match = random_.choice(found)
    return text[: match.start()] + _SOUNDS[match.group()] + text[match.end() :]


def _particle(text: str, random_: random.Random) -> str:
    found = free(text, _PARTICLES)
    if not found:
        return text
    match = random_.choice(found)
    return text[: match.start()] + ("的" if match.group() != "的" else "得") + text[match.end() :]


def _width(text: str, random_: random.Random) -> str:
    found = free(text, re.compile("[，。？：（）]"))
    if not found:
        return text
    match = random_.choice(found)
    return text[: match.start()] + _MARKS[match.group()] + text[match.end() :]


def _no_mark(text: str, random_: random.Random) -> str:
    found = free(text, _LAST)
    return text[: found[-1].start()] if found else text


def _small_start(text: str, random_: random.Random) -> str:
    return text[0].lower() + text[1:] if re.match(r"[A-Z][a-z]+ ", text) else text


_SLIPS: dict[str, Callable[[str, random.Random], str]] = {
    **{slip: partial(_in_word, slip=slip) for slip in ("neighbour", "swap", "dropped", "doubled")},
    "sound": _sound,
    "particle": _particle,
    "width": _width,
    "no_mark": _no_mark,
    "small_start": _small_start,
}
_FIRST = {"en": ("neighbour", "swap", "dropped", "doubled", "no_mark"), "zh": ("sound", "particle", "no_mark")}
_BESIDE = {"en": ("small_start",), "zh": ("width",)}
_AGAIN = ("neighbour", "swap", "dropped", "sound", "width")
