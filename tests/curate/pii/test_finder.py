"""Each kind is found where it stands, with Chinese on both sides too; its look-alike is not."""

from __future__ import annotations

import sys

import pytest

from curate.pii.finder import Finder, finder
from curate.pii.kinds import KINDS, Hit, settled
from seedbed.errors import MissingExtra

pytest.importorskip("presidio_analyzer", reason='pip install "seedbed[pii]"')

FOUND = [
    ("mobile", "请拨13912345678找我", "13912345678"),
    ("mobile", "微信同号+86 139-1234-5678。", "+86 139-1234-5678"),
    ("mobile", "全角也算：１３９１２３４５６７８", "１３９１２３４５６７８"),
    ("phone", "前台座机010-62345678转分机", "010-62345678"),
    ("phone", "(0755)8234567找质检科", "(0755)8234567"),
    ("phone", "Ring (617) 555-2368 at noon.", "(617) 555-2368"),
    ("phone", "Call +44 20 7946 0958 now.", "+44 20 7946 0958"),
    ("phone", "My cell is 6175552368, any time.", "6175552368"),
    ("email", "写信给li.na@bank.com.cn即可", "li.na@bank.com.cn"),
    ("email", "Write to j.doe+x@mail.acme.io.", "j.doe+x@mail.acme.io"),
    ("email", "Write to ana.müller@acme.de today.", "ana.müller@acme.de"),
    ("email", "josé@acme.es, not José", "josé@acme.es"),
    ("email", "请写信给info@müller.de即可", "info@müller.de"),
    ("email", "邮箱иван@почта.рф。", "иван@почта.рф"),
    ("resident_id", "证号11010519491231002X已核", "11010519491231002X"),
    ("resident_id", "身份证号是110105194912310021，抄错了一位", "110105194912310021"),
    ("ssn", "SSN 123-45-6789 on file", "123-45-6789"),
    ("passport", "护照E12345678到期", "E12345678"),
    ("passport", "travelled on passport 745201521", "745201521"),
    ("card", "卡号6222021234567890128已冻结", "6222021234567890128"),
    ("card", "charged 4111 1111 1111 1111 twice", "4111 1111 1111 1111"),
    ("credit_code", "税号91350100M000100Y43开票", "91350100M000100Y43"),
    ("plate", "一辆京A·12345停在门口", "京A·12345"),
    ("plate", "新能源沪AD12345充电", "沪AD12345"),
    ("plate", "licence plate GQY-9715 seen", "GQY-9715"),
    ("address", "快递送到杭州市西湖区文三路90号3幢402室", "杭州市西湖区文三路90号3幢402室"),
    ("address", "He lives at 12 Oak Hill Road, Apt. 4.", "12 Oak Hill Road, Apt. 4"),
    ("ip", "从8.8.4.4登录", "8.8.4.4"),
    ("ip", "peer 2606:4700:10::6816:1a2b is up", "2606:4700:10::6816:1a2b"),
    ("mac", "设备3c:5a:b4:01:9f:e2在线", "3c:5a:b4:01:9f:e2"),
    ("ip", "本机地址：2606:4700:10::6816:1a2b，已通", "2606:4700:10::6816:1a2b"),
    ("ip", "The peer is IPv6:2606:4700:10::6816:1a2b.", "2606:4700:10::6816:1a2b"),
    ("ip", "ping172.20.4.9不通", "172.20.4.9"),
    ("mac", "物理地址：3c:5a:b4:01:9f:e2（秤）", "3c:5a:b4:01:9f:e2"),
    ("mac", "MAC:3C-5A-B4-01-9F-E2", "3C-5A-B4-01-9F-E2"),
    ("secret", "访客密码今天起改为Tr0ub4dor3", "Tr0ub4dor3"),
    ("secret", "管理员密码Tr0ub4dor&3别外传", "Tr0ub4dor&3"),
    ("secret", "The password for the guest network is Tr0ub4dor&3, for now.", "Tr0ub4dor&3"),
    ("address", "Left at 12 Oak Rue, door open.", "12 Oak Rue"),
    ("person", "户名：张伟，已核", "张伟"),
    ("secret", "key AKIAIOSFODNN7QWERTYU", "AKIAIOSFODNN7QWERTYU"),
    ("secret", "密码：Tr0ub4dor&3，请妥善保管", "Tr0ub4dor&3"),
    ("secret", "postgres://erp:Xk7!pq@db/erp", "Xk7!pq"),
    ("secret", "DB_PASS=aB3$kk91 make run", "aB3$kk91"),
    ("secret", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWhlcmU set", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWhlcmU"),
    ("person", "联系人：张伟，请速回", "张伟"),
    ("person", "尊敬的欧阳明女士：", "欧阳明"),
    ("person", "王小红13912345678已签收", "王小红"),
    ("person", "I met Dr. Anna Kowalski there.", "Anna Kowalski"),
    ("person", "Then Jennifer Okafor signed.", "Jennifer Okafor"),
]
NOT_FOUND = [
    "订单编号20231205123456789，数量13800件",
    "Batch 4021 8832 1907 is superseded.",
    "ISBN 9787111128069 绝版",
    "Upgrade to version 10.4.2.1 first; see section 1.8.3.13.",
    "见手册5.11.2.3节",
    "# 34.5.1.1. Setting up",
    "UUID 23e6aed3-b6a2-41ee-aae1-02bff0285f33, commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "Bind to 0.0.0.0 or 127.0.0.1 with mask 255.255.255.0.",
    "std::vector<a::b> x; SELECT '1'::bit; dead::beef",
    "clone git@github.com:org/repo.git",
    "password: your_password, token: <TOKEN>, key: ${API_KEY}, secret = None",
    "患者安全很重要，负责人员工资另算。作者简介：略。",
    "北京市朝阳区今年新增路灯五百盏。",
    "Turn 3 Screws and press Start; Chapter 2 Road Safety.",
    "Version 4.14.13 mends what 17.19.13.8 broke.",
    "固件从12.3.20.1回退后正常，17.3.9.11仍会闪退。",
    "IMEI 490154203237518 of the spare tracker",
    "定位器IMEI是490154203237518",
    "The password SCRAM-SHA-256 and the password OAuth-based login are two things.",
    "密码不得少于12位，密码强度为Medium-High",
    "Kind regards, Customer Care Team",
    "时间由主任定。",
    "00:1a:ff:3c:9e:00:41:42:43:44 is a dump",
    "身份证号的最后一位是校验码。",
]


@pytest.fixture(scope="module")
def default() -> Finder:
    return finder("default", KINDS, ())


@pytest.fixture(scope="module")
def technical() -> Finder:
    return finder("technical", KINDS, ())


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_it_is_found_where_it_stands(default: Finder, kind: str, text: str, value: str) -> None:
    assert (kind, value) in [(hit.kind, text[hit.start : hit.end]) for hit in default(text)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_a_look_alike_is_not_found(default: Finder, text: str) -> None:
    assert [(hit.kind, text[hit.start : hit.end]) for hit in default(text)] == []


@pytest.mark.parametrize("text", [
    "Set listen_addresses to 192.168.10.5 and host to 10.0.0.7.",
    "postgresql://user:secret@localhost/db, mail joe@example.com or support@vendor.com",
    "监听192.168.1.10，示例邮箱user@example.cn，耗时13800138000微秒",
    "Author Tools, Reference Manual, Jackson Parser; 12 Main Loop",
])
def test_examples_of_manuals_are_nobodys(technical: Finder, text: str) -> None:
    assert [text[hit.start : hit.end] for hit in technical(text)] == []


def test_a_manual_still_gives_its_real_values_away(technical: Finder) -> None:
    text = "Ask linus@epact.se; key ghp_16C7e42F292c6912E7710c838347Ae178B4a; 打电话13912345678"
    assert [hit.kind for hit in technical(text)] == ["email", "secret", "mobile"]


def test_strict_takes_what_only_looks_like_it() -> None:
    text = "部件E12345678，热线400-820-8820，证号110105194912310021"
    find = finder("strict", KINDS, ())
    assert [hit.kind for hit in find(text)] == ["passport", "phone", "resident_id"]
    assert finder("default", KINDS, ())(text) == []


def test_only_the_kinds_asked_for_and_not_what_is_allowed() -> None:
    find = finder("default", ("email",), (), allow=("Help@Acme.com",))
    text = "help@acme.com, bob@acme.com, 13912345678"
    assert [text[hit.start : hit.end] for hit in find(text)] == ["bob@acme.com"]


def test_overlapping_hits_become_one_that_covers_both() -> None:
    hits = [Hit(0, 5, "person", 0.6), Hit(3, 9, "mobile", 1.0), Hit(4, 6, "card", 0.9), Hit(9, 10, "ip", 0.7)]
    assert settled(hits) == [Hit(0, 9, "mobile", 1.0), Hit(9, 10, "ip", 0.7)]


@pytest.mark.parametrize("text", [
    "路" * 200_000, "a" * 400_000, "1" * 400_000, "北京市朝阳区" * 40_000, "-----BEGIN PRIVATE KEY-----" * 4_000, "1." * 100_000,
    "a@" * 100_000, "Main " * 60_000, "12 Oak " * 40_000, "x://y:" * 50_000, ":" * 200_000, "张" * 200_000,
])
def test_a_long_field_is_read_to_its_end(default: Finder, text: str) -> None:
    """With a pattern that is not linear it would not come back."""
    long = f"{text}，请拨13912345678"
    assert [hit.kind for hit in default(long)][-1] == "mobile"


def test_a_missing_library_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(MissingExtra, match=r'pip install "seedbed\[pii\]"'):
        finder("default", KINDS, ())
