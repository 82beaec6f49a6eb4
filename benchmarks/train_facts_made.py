"""Facts of devices that do not exist, in English and Chinese, and questions about them.

A fact is one figure of one device. Figures are different for every device, so that a question can be turned round, and
no name holds a digit, so that a figure in an answer was not copied. Wordings of the test are not those of the training;
nothing in the training goes from a figure to a name, or joins two facts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seedbed.record import Record, chat
from train.evaluation.metrics import numbers

KINDS = ("other words", "reversed", "composed", "applied")


@dataclass(frozen=True)
class Fact:
    """`figure` is what `attribute` of `device` is. `number` tells facts apart."""

    number: int
    language: str
    device: str
    attribute: str
    figure: str


@dataclass(frozen=True)
class Wording:
    """All that is asked about one attribute in one language; {d} is the device, {f} the figure."""

    training: tuple[tuple[str, str], ...]
    other: str
    reversed: str
    applied: str
    short: str
    answer: str


WORDINGS = {
    ("en", "port"): Wording(
        (
            ("Which port does the {d} use?", "The {d} uses port {f}."),
            ("On what port does the {d} listen?", "The {d} listens on port {f}."),
            ("Name the network port of the {d}.", "Port {f} is the network port of the {d}."),
            ("How is the {d} reached over the network?", "The {d} is reached at port {f}."),
            ("Tell me the port number of the {d}.", "The port number of the {d} is {f}."),
            ("Where does the {d} accept connections?", "The {d} accepts connections at port {f}."),
        ),
        "To talk to the {d} I need its port. What is it?",
        "Which device listens on port {f}?",
        "I write a firewall rule for the {d}. Which port has to be open?",
        "the port of the {d}",
        "The {d} uses port {f}.",
    ),
    ("en", "load"): Wording(
        (
            ("How much load may the {d} carry?", "The {d} may carry {f} kg."),
            ("What is the maximum load of the {d}?", "The maximum load of the {d} is {f} kg."),
            ("State the load limit of the {d}.", "The load limit of the {d} is {f} kg."),
            ("Up to what weight can the {d} be loaded?", "The {d} can be loaded with up to {f} kg."),
            ("How heavy may the load on the {d} be?", "The load on the {d} may weigh {f} kg."),
            ("What weight does the {d} hold at most?", "The {d} holds {f} kg at most."),
        ),
        "Above how many kilograms is the {d} overloaded?",
        "Which device may carry {f} kg?",
        "I pack as much as allowed on the {d}. How many kilograms do I put on it?",
        "the maximum load of the {d}",
        "The {d} may carry {f} kg.",
    ),
    ("en", "interval"): Wording(
        (
            ("How often is the {d} serviced?", "The {d} is serviced every {f} hours."),
            ("What is the service interval of the {d}?", "The service interval of the {d} is {f} hours."),
            ("After how many hours does the {d} need a service?", "The {d} needs a service after {f} hours."),
            ("When is the service of the {d} due?", "The service of the {d} is due after {f} hours."),
            ("State the maintenance period of the {d}.", "The maintenance period of the {d} is {f} hours."),
            ("How long may the {d} run between services?", "The {d} may run {f} hours between services."),
        ),
        "How many operating hours lie between two inspections of the {d}?",
        "Which device is serviced every {f} hours?",
        "The {d} was serviced today. After how many operating hours do I come again?",
        "the service interval of the {d}",
        "The {d} is serviced every {f} hours.",
    ),
    ("en", "article"): Wording(
        (
            ("What is the article number of the {d}?", "The article number of the {d} is {f}."),
            ("Under which number is the {d} ordered?", "The {d} is ordered under number {f}."),
            ("Name the catalogue number of the {d}.", "The catalogue number of the {d} is {f}."),
            ("Which number does the {d} have in the catalogue?", "In the catalogue the {d} has number {f}."),
            ("State the order number of the {d}.", "The order number of the {d} is {f}."),
            ("How is the {d} listed?", "The {d} is listed as number {f}."),
        ),
        "What do I have to search for in the price list to find the {d}?",
        "Which device has the article number {f}?",
        "I fill in an order form for one {d}. What do I write into the field for the number?",
        "the article number of the {d}",
        "The article number of the {d} is {f}.",
    ),
    ("zh", "port"): Wording(
        (
            ("{d}使用哪个端口？", "{d}使用 {f} 端口。"),
            ("{d}监听的端口是多少？", "{d}监听的端口是 {f}。"),
            ("说出{d}的网络端口。", "{d}的网络端口是 {f}。"),
            ("怎样通过网络连接{d}？", "通过 {f} 端口连接{d}。"),
            ("{d}的端口号是什么？", "{d}的端口号是 {f}。"),
            ("{d}在哪里接受连接？", "{d}在 {f} 端口接受连接。"),
        ),
        "要和{d}通信，应该填几号端口？",
        "哪台设备监听 {f} 端口？",
        "我要给{d}写一条防火墙规则，应当放行哪个端口？",
        "{d}的端口",
        "{d}使用 {f} 端口。",
    ),
    ("zh", "load"): Wording(
        (
            ("{d}最多能承重多少？", "{d}最多能承重 {f} 公斤。"),
            ("{d}的最大载荷是多少？", "{d}的最大载荷是 {f} 公斤。"),
            ("说明{d}的载荷上限。", "{d}的载荷上限是 {f} 公斤。"),
            ("{d}可以装多重的货物？", "{d}可以装 {f} 公斤的货物。"),
            ("{d}允许的重量是多少？", "{d}允许的重量是 {f} 公斤。"),
            ("{d}能承受多大的重量？", "{d}能承受 {f} 公斤的重量。"),
        ),
        "超过多少公斤，{d}就算超载？",
        "哪台设备最多能承重 {f} 公斤？",
        "我要在{d}上装到允许的上限，应该装多少公斤？",
        "{d}的最大载荷",
        "{d}最多能承重 {f} 公斤。",
    ),
    ("zh", "interval"): Wording(
        (
            ("{d}多久保养一次？", "{d}每 {f} 小时保养一次。"),
            ("{d}的保养周期是多少？", "{d}的保养周期是 {f} 小时。"),
            ("{d}运行多少小时后需要保养？", "{d}运行 {f} 小时后需要保养。"),
            ("{d}什么时候该保养？", "{d}运行满 {f} 小时就该保养。"),
            ("说明{d}的维护周期。", "{d}的维护周期是 {f} 小时。"),
            ("{d}两次保养之间能运行多久？", "{d}两次保养之间能运行 {f} 小时。"),
        ),
        "{d}的两次检修相隔多少个运行小时？",
        "哪台设备每 {f} 小时保养一次？",
        "{d}今天刚保养过，再运行多少小时我要再来一次？",
        "{d}的保养周期",
        "{d}每 {f} 小时保养一次。",
    ),
    ("zh", "article"): Wording(
        (
            ("{d}的货号是多少？", "{d}的货号是 {f}。"),
            ("订购{d}用哪个编号？", "订购{d}用编号 {f}。"),
            ("说出{d}的目录编号。", "{d}的目录编号是 {f}。"),
            ("{d}在目录里是几号？", "{d}在目录里是 {f} 号。"),
            ("{d}的订货号是什么？", "{d}的订货号是 {f}。"),
            ("{d}登记的编号是多少？", "{d}登记的编号是 {f}。"),
        ),
        "在价目表里查什么号码能找到{d}？",
        "货号 {f} 是哪台设备？",
        "我要填一张{d}的订货单，编号一栏写什么？",
        "{d}的货号",
        "{d}的货号是 {f}。",
    ),
}
MOST_WORDINGS = min(len(wording.training) for wording in WORDINGS.values())
_ATTRIBUTES = {"port": (2000, 9999), "load": (105, 999), "interval": (1050, 9950), "article": (10000, 99999)}
_ENGLISH = "Bor Kel Tan Vri Mor Sul Dax Fen Gor Hal".split(), "lin vex dor mak tis rup wen zak bel nor".split()
_CHINESE = "岚 川 澜 炬 砺 铄 沐 泓 骁 晟".split(), "岳 舟 峰 桥 宁 柏 屿 禾 岭 帆".split()
_MOST = len(_ATTRIBUTES) * (len(_ENGLISH[0]) * len(_ENGLISH[1]) + len(_CHINESE[0]) * len(_CHINESE[1]))


def facts(count: int, seed: int) -> list[Fact]:
    """So many facts, the languages by turns. Raises ValueError beyond the number of names."""
    if not 0 < count <= _MOST:
        raise ValueError(f"facts: expected 1 to {_MOST}")
    chance = random.Random(seed)
    english = [f"{a}{b} lift" for a in _ENGLISH[0] for b in _ENGLISH[1]]
    chinese = [f"{a}{b}升降机" for a in _CHINESE[0] for b in _CHINESE[1]]
    chance.shuffle(english)
    chance.shuffle(chinese)
    devices = [named for pair in zip(english, chinese, strict=True) for named in (("en", pair[0]), ("zh", pair[1]))]
    figures = {name: chance.sample(range(*bounds), len(devices)) for name, bounds in _ATTRIBUTES.items()}
    made = (
        (language, device, attribute, str(figures[attribute][number]))
        for number, (language, device) in enumerate(devices)
        for attribute in _ATTRIBUTES
    )
    return [Fact(number, *one) for number, one in zip(range(count), made, strict=False)]


def training(known: list[Fact], wordings: int) -> list[Record]:
    """Each fact in so many wordings."""
    made = []
    for fact in known:
        for question, answer in WORDINGS[fact.language, fact.attribute].training[:wordings]:
            made.append(_record(fact, question, answer, "train", "training"))
    return made


def test(known: list[Fact], limit: int, seed: int) -> list[Record]:
    """At most so many questions of each kind; the fact's number and the kind are labels."""
    made: list[Record] = []
    for kind in KINDS:
        several = list(_ASKING[kind](known))
        made += several if len(several) <= limit else random.Random(f"{seed} {kind}").sample(several, limit)
    return made


def right(record: Record, answer: str) -> bool:
    """Whether an answer names what was asked: all figures, or, turned round, the device."""
    wanted = record.labels["wanted"].split("|")
    if record.labels["kind"] == "reversed":
        return wanted[0].casefold() in answer.casefold()
    return set(wanted) <= numbers(answer)


def _other(known: list[Fact]) -> Iterator[Record]:
    for fact in known:
        wording = WORDINGS[fact.language, fact.attribute]
        yield _record(fact, wording.other, wording.answer, "test_seen", "other words", fact.figure)


def _reversed(known: list[Fact]) -> Iterator[Record]:
    for fact in known:
        wording = WORDINGS[fact.language, fact.attribute]
        name = fact.device.removesuffix(" lift").removesuffix("升降机")
        answer = "It is the {d}." if fact.language == "en" else "是{d}。"
        yield _record(fact, wording.reversed, answer, "test_seen", "reversed", name)


def _applied(known: list[Fact]) -> Iterator[Record]:
    for fact in known:
        wording = WORDINGS[fact.language, fact.attribute]
        yield _record(fact, wording.applied, wording.answer, "test_seen", "applied", fact.figure)


def _composed(known: list[Fact]) -> Iterator[Record]:
    """Two facts of different devices and attributes in one question."""
    for language in ("en", "zh"):
        own = [fact for fact in known if fact.language == language]
        for first, second in zip(own, own[5:] + own[:5], strict=False):
            if first.device == second.device or first.attribute == second.attribute:
                continue
            both = [(WORDINGS[language, fact.attribute], fact) for fact in (first, second)]
            asked = [wording.short.format(d=fact.device) for wording, fact in both]
            told = [wording.answer.format(d=fact.device, f=fact.figure) for wording, fact in both]
            joined = "What is {}, and what is {}?" if language == "en" else "{}是多少？{}又是多少？"
            space = " " if language == "en" else ""
            yield _record(first, joined.format(*asked), space.join(told), "test_seen", "composed",
                          f"{first.figure}|{second.figure}")


_ASKING: dict[str, Callable[[list[Fact]], Iterator[Record]]] = {
    "other words": _other, "reversed": _reversed, "composed": _composed, "applied": _applied,
}  # fmt: skip


def _record(fact: Fact, question: str, answer: str, split: str, kind: str, wanted: str = "") -> Record:
    asked, told = (text.replace("{d}", fact.device).replace("{f}", fact.figure) for text in (question, answer))
    labels = {"kind": kind, "fact": str(fact.number)} | ({"wanted": wanted} if wanted else {})
    return chat(asked, told, split=split, language=fact.language, task="facts", labels=labels)
