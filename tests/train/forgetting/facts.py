"""A student that knows something to forget: capitals, learned by all its weights, from a text of two lines each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedbed.record import Record, chat
from tests.train.tiny import save_student, tokenizer
from train import libraries
from train.forgetting.penalty import collated
from train.rows.data import Counts, Fit, rows
from train.rows.template import Template

_PLACES = (
    "Norway Oslo,Italy Rome,Peru Lima,Cuba Havana,Egypt Cairo,Ghana Accra,Japan Tokyo,Spain Madrid,France Paris,"
    "Kenya Nairobi,挪威 奥斯陆,意大利 罗马,秘鲁 利马,古巴 哈瓦那,埃及 开罗,加纳 阿克拉,日本 东京,西班牙 马德里,法国 巴黎,肯尼亚 内罗毕"
)


def capitals(split: str = "train") -> list[Record]:
    """Twenty general records, half of them Chinese."""
    made = []
    for i, pair in enumerate(_PLACES.split(",")):
        country, city = pair.split()
        asked, said = (
            ("What is the capital of {}?", "It is {}.") if i < 10 else ("{}的首都是哪里？", "是{}。")
        )
        made.append(chat(asked.format(country), said.format(city), split=split, task="general",
                         language="en" if i < 10 else "zh"))  # fmt: skip
    return made


def learned(folder: Path) -> Path:
    """The tiny student, having learned the capitals by heart."""
    import torch
    import transformers as hf

    with libraries.prepared(threads=1):
        save_student(folder)
        made = tokenizer()
        template = Template(made)
        found = [row for _, row in rows(capitals(), template, Fit(256), Counts())]
        batch = collated([{"input_ids": r.input_ids, "labels": r.labels} for r in found], made.pad_token_id, "cpu")
        model: Any = hf.AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
        optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
        for _ in range(60):
            loss = model(**batch).loss
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        model.to(torch.bfloat16).save_pretrained(str(folder))
    return folder
