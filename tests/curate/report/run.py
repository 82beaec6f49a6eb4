"""A small finished run in both languages, as the stages would have left it: what the report's tests read.

Run by hand it writes one to look at: `python -m tests.curate.report.run FOLDER`.
"""

from __future__ import annotations

import hashlib
import math
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from curate.report.build import build
from seedbed import jsonl
from seedbed.record import Evidence, Record, Source, Step, chat, make
from seedbed.run import Manifest, Usage, finish
from tests.curate.report.figures import GUIDE, LEGAL, MANUAL, NOTES, figures

__all__ = ["GUIDE", "LEGAL", "MANUAL", "NOTES", "passages", "write_run"]

# (setting, key, value, service, seconds)
SETTINGS = [
    ("uplink port", "uplink.port", "4711", "tunnel", 8),
    ("idle timeout", "session.idle", "90 seconds", "session", 3),
    ("retry limit", "uplink.retries", "5", "tunnel", 8),
    ("log level", "log.level", "info", "journal", 2),
    ("sampling interval", "probe.every", "250 ms", "probe", 4),
    ("buffer size", "probe.buffer", "64 MB", "probe", 4),
    ("clock source", "time.source", "NTP", "time", 6),
    ("alarm threshold", "alarm.level", "82 %", "alarm", 5),
    ("update channel", "update.channel", "stable", "update", 12),
    ("watchdog period", "watchdog.period", "30 seconds", "watchdog", 9),
]
# (参数, 数值, 上限, 指示灯, 先做的事)
PARTS = [
    ("轴承温度", "65 ℃", "80 ℃", "H3", "检查润滑油的油位"),
    ("出口压力", "0.8 MPa", "1.0 MPa", "H5", "关小出口阀门"),
    ("额定转速", "2950 r/min", "3000 r/min", "H1", "核对变频器的设定"),
    ("振动速度", "2.8 mm/s", "4.5 mm/s", "H4", "检查联轴器的对中"),
    ("密封水流量", "6 L/min", "9 L/min", "H6", "清洗密封水过滤器"),
    ("电机电流", "42 A", "48 A", "H2", "确认介质的密度"),
    ("介质温度", "90 ℃", "105 ℃", "H7", "降低上游加热功率"),
    ("油箱液位", "120 mm", "150 mm", "H8", "排放多余的润滑油"),
]
KINDS = ("fact", "how_to", "why", "compare", "diagnose", "summarise")
LEVELS = ("basic", "intermediate", "advanced")
STAGES = ("ingest", "doc_qa", "clean", "rules", "exact", "rouge", "split", "mix", "export", "train", "evaluate")


def passages() -> list[Record]:
    """Ten English passages by heading, sixteen Chinese ones by page, three nobody asked about; some pages hold none."""
    english = [
        (
            ("Settings", name.capitalize()),
            None,
            f"The {name} of the Tidewater gateway is {value} at delivery. An operator "
            f"changes it with `tw set {key}` and a new value. After the change the gateway restarts its {service} "
            f"service, which takes about {seconds} seconds; connections that are open stay open.",
        )
        for name, key, value, service, seconds in SETTINGS
    ]
    chinese = [
        (
            (f"第{'一二'[i % 2]}章", part),
            1 + i + i // 5,
            f"CK-200 离心泵的{part}正常为 {value}。{part}超过 {limit} 时，控制柜报警，"
            f"并点亮 {lamp} 号指示灯。检修人员应当先{action}，再按复位键。第 {i + 1} 次巡检时要记录{part}。",
        )
        for i, (part, value, limit, lamp, action) in enumerate([*PARTS, *PARTS])
    ]
    notes = [(("Changes", f"Version 2.{n}"), None, f"Version 2.{n} mends the display of dates.") for n in range(3)]
    return [
        *_document(GUIDE, english),
        *_document(MANUAL, chinese),
        *_document(NOTES, notes),
    ]


def _document(name: str, parts: Sequence[tuple[tuple[str, ...], int | None, str]]) -> list[Record]:
    text, found = "", []
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    for headings, page, body in parts:
        text += f"# {headings[-1]}\n\n"
        source = Source(
            document=name,
            document_hash=digest,
            page=page,
            headings=headings,
            start=len(text),
            end=len(text) + len(body),
        )
        found.append(make(text=body, source=source, language="zh" if name == MANUAL else "en"))
        text += body + "\n\n"
    return found


def document_texts(records: list[Record]) -> dict[str, str]:
    """Hash -> text, from passages whose spans leave room for the headings between them."""
    texts: dict[str, str] = {}
    for record in records:
        assert record.source and record.source.start is not None
        text = texts.get(record.source.document_hash, "")
        texts[record.source.document_hash] = text + "\n" * (record.source.start - len(text)) + record.text
    return texts


def pair(passage: Record, index: int, question: str = "", answer: str = "") -> Record:
    """The `index`-th question about a passage; its evidence is the passage's first or second sentence."""
    source = passage.source
    assert source and source.start is not None
    name = source.headings[-1]
    stops = [i + 1 for i, c in enumerate(passage.text) if c == "。" or passage.text[i : i + 2] == ". "]
    low, high = (0, stops[0]) if index % 2 == 0 else (stops[0] + (passage.language == "en"), stops[1])
    quoted = passage.text[low:high]
    templates = _CHINESE if passage.language == "zh" else _ENGLISH
    asked, told = templates[index % len(templates)]
    return chat(
        question or asked.format(name=name.lower()),
        answer or told.format(name=name.lower(), quoted=quoted.rstrip(".。")),
        task="doc_qa",
        language=passage.language,
        source=source,
        labels={"kind": KINDS[index % 6], "level": LEVELS[(index + source.start) % 3]},
        evidence=(Evidence(quoted, source.start + low, source.start + high),),
        scores={"rouge": round(0.15 + 0.5 * abs(math.sin(source.start + index)), 3)},
        history=(Step(stage="doc_qa", operation="generate", parents=(passage.id,), teacher="demo-teacher"),),
    )


_ENGLISH = [
    ("What is the {name} of the Tidewater gateway at delivery?", "As delivered, this is what applies: {quoted}."),
    (
        "How does an operator change the {name} of a Tidewater gateway?",
        "With one command on the gateway itself. {quoted}.",
    ),
    (
        "Why does a Tidewater gateway pause after its {name} was changed?",
        "Because a service has to start again before the value counts.",
    ),
    (
        "Which is more urgent on a Tidewater gateway, the {name} or the clock?",
        "Neither stops traffic; both need one restart of a service.",
    ),
    (
        "A Tidewater gateway ignores a new {name}. What should be looked at?",
        "Whether the service behind it was restarted: {quoted}.",
    ),
    (
        "Summarise what an operator must know about the {name}.",
        "It has a value from the factory, one command changes it, and open connections survive.",
    ),
]
_CHINESE = [
    ("CK-200 离心泵的{name}正常是多少？", "正常情况下的数值是：{quoted}。"),
    ("CK-200 离心泵的{name}报警以后应当怎样处理？", "先排除原因，然后复位。依据是：{quoted}。"),
    ("为什么要限制 CK-200 离心泵的{name}？", "因为超过上限以后控制柜会报警，设备不能继续运行。"),
    ("CK-200 离心泵的{name}与其他参数相比，巡检时有什么不同？", "每次巡检都要单独记录，其他参数只在报警时记录。"),
    ("控制柜报警，怀疑是 CK-200 离心泵的{name}异常，怎样确认？", "看对应的指示灯是否点亮：{quoted}。"),
    ("请概括 CK-200 离心泵{name}的管理要求。", "平时记录数值，超限时先处理再复位。"),
]


def general(index: int) -> Record:
    """General data, as the mix stage adds it."""
    question, answer = [("Name a prime number above 20.", "23 is one."), ("写一句问候语。", "早上好，祝你今天顺利。")][
        index % 2
    ]
    return chat(
        f"{question} ({index})",
        answer,
        task="general",
        language="en" if index % 2 == 0 else "zh",
        split="train",
        labels={"origin": "general"},
    )


def write_run(run: Path, *, per_passage: int = 6, until: str = "evaluate", extra: tuple[Record, ...] = ()) -> Path:
    """A run of the stages up to `until`. `extra` records are accepted besides. Returns `run`."""
    rng = random.Random(7)
    source = passages()
    asked = [p for p in source if p.source and p.source.document != NOTES and "sampling" not in p.text]
    drafts = [pair(p, i) for p in asked for i in range(per_passage)]
    accepted: list[Record] = []
    refused: list[Record] = []
    for record in drafts:
        (accepted if rng.random() < 0.62 else refused).append(record)
    rng.shuffle(accepted)
    accepted += extra
    data: dict[str, tuple[list[Record], list[Record]]] = {"ingest": (source, _unreadable(source))}
    data["doc_qa"] = accepted, [_refused(r, i) for i, r in enumerate(refused)] + _replies(source)
    rest = list(accepted)
    for stage, share in (("clean", 0), ("rules", 0.06), ("exact", 0.02), ("rouge", 0.14)):
        lost = rest[: int(len(rest) * share)] if share else []
        rest = rest[len(lost) :]
        data[stage] = rest, [_curated(stage, r, rest[i % 3]) for i, r in enumerate(lost)]
    parted = [_split(r, i) for i, r in enumerate(rest)]
    data["split"] = parted, []
    data["mix"] = data["export"] = [*parted, *(general(i) for i in range(max(1, len(parted) // 11)))], []
    read = 0
    for number, stage in enumerate(STAGES, 1):
        kept, rejected = data.get(stage, ([], []))
        _stage(run / f"{number:02}-{stage}", stage, kept, rejected, read)
        read = len(kept) if kept else read
        if stage == until:
            break
    for digest, text in document_texts(source).items():
        jsonl.write_text(run / "01-ingest/documents" / f"{digest}.md", text)
    jsonl.write_text(run / "job.yaml", "name: Pumps and gateways\nseed: 3\nteacher: {model: demo-teacher}\n")
    return run


def _stage(folder: Path, stage: str, kept: list[Record], rejected: list[Record], read: int) -> None:
    done = Manifest(
        options={"target": 80} if stage == "doc_qa" else {},
        stage=stage,
        fingerprint=stage,
        read=read,
        kept=len(kept),
        rejected=len(rejected),
        seconds=_SECONDS[stage],
        figures=figures(stage, len(kept), len(rejected)),
    )
    if stage not in ("train", "evaluate"):
        jsonl.write(folder / "kept.jsonl", kept)
        jsonl.write(folder / "rejected.jsonl", rejected)
    for record in rejected:
        assert record.rejection
        done.reasons[record.rejection.reason] = done.reasons.get(record.rejection.reason, 0) + 1
    if stage == "doc_qa":
        done.usage = Usage(calls=212, prompt_tokens=184_220, completion_tokens=61_904, money=0.1834)
    folder.mkdir(parents=True, exist_ok=True)
    finish(folder, done)


_SECONDS = dict(zip(STAGES, (14.2, 731.0, 0.3, 0.2, 0.1, 0.4, 0.2, 0.1, 0.2, 402.5, 96.0), strict=True))


def _unreadable(source: list[Record]) -> list[Record]:
    why = (
        ("scan-2019.pdf", "no_text", "scan-2019.pdf: its 14 pages hold pictures only; run OCR first"),
        ("担保条款.pdf", "password", "needs a password; save it without one"),
    )
    lost = [make(source=Source(document=name)).reject("ingest", reason, detail) for name, reason, detail in why]
    contents = make(
        text="Contents\n1 Settings … 3\n2 Alarms … 9", source=Source(document=GUIDE, document_hash="0", start=0, end=35)
    )
    return [
        *lost,
        contents.reject("ingest", "contents", "a table of contents: 2 of 3 lines end in dots and a page number"),
    ]


def _refused(record: Record, index: int) -> Record:
    reason, detail = (
        ("copied_answer", "it is copied word for word from the passage"),
        ("copied_answer", "it is copied word for word from the passage"),
        ("leans_on_passage", "'上文' points at a text that its reader does not have"),
        ("unsupported_figure", "7200 is not in the evidence"),
        ("not_a_question", "it asks nothing"),
        ("echo", "it repeats the question"),
        ("cut_answer", "it ends with 'and the', not at the end of a sentence"),
    )[index % 7]
    return record.reject("doc_qa", reason, detail)


def _replies(source: list[Record]) -> list[Record]:
    reply = make(source=source[0].source, extra={"raw": 'Sure! Here are the pairs you wanted: [{"question": "What'})
    return [reply.reject("doc_qa", "unreadable_reply", "no JSON to be found, also after asking again")]


def _curated(stage: str, record: Record, other: Record) -> Record:
    if stage == "rules":
        return record.reject("rules", "answer_too_short", "3 tokens, at least 5 are wanted")
    score = 1.0 if stage == "exact" else 0.83
    reason = "duplicate" if stage == "exact" else "near_duplicate"
    return record.reject(stage, reason, f"{score:.2f} alike", match=other.id, score=score)


def _split(record: Record, index: int) -> Record:
    name = "train" if index % 10 < 7 else ("validation", "test_seen", "test_heldout")[index % 3]
    return record.revised(Step(stage="split", operation=name), split=name)


if __name__ == "__main__":
    build(write_run(Path(sys.argv[1])), Path(sys.argv[1]) / "report")
