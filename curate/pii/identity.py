"""Numbers that stand for a person, a firm or a car: resident ID, SSN, passport, bank card, credit code, plate."""

from __future__ import annotations

import re

from curate.pii import checks
from curate.pii.kinds import CUED, PROVEN
from curate.pii.rules import Found, L, R, Rule, both, near

_STRICT, _USUAL = ("strict",), ("default", "technical")

_ID = re.compile(rf"{L}[1-9]\d{{5}} ?(?:18|19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]) ?\d{{3}}[0-9Xx]{R}")
_ID_CUE = near(re.compile(r"(?i)身份证|证件号|居民证|公民号|resident id|id (?:card|number|no)|sfzh"), 30, after=15)
RESIDENT_ID = (
    Rule("resident_id", _ID, lambda found: checks.resident_id(found.value.replace(" ", "")), PROVEN),
    # Beside a cue a mistyped one is one too, and so is the form of before 1999.
    Rule("resident_id", _ID, both(_ID_CUE, lambda found: checks.dated(found.value.replace(" ", ""))), CUED, _USUAL),
    Rule("resident_id", _ID, lambda found: checks.dated(found.value.replace(" ", "")), profiles=_STRICT),
    Rule("resident_id", re.compile(rf"{L}[1-9]\d{{5}}\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{{3}}{R}"),
         both(_ID_CUE, lambda found: checks.dated(found.value)), CUED),
)

_SSN_CUE = near(re.compile(r"(?i)\bssn\b|social security|\bss ?#"), 40)
SSN = (
    Rule("ssn", re.compile(r"(?<![0-9A-Za-z-])\d{3}-\d{2}-\d{4}(?![0-9A-Za-z-])"),
         lambda found: checks.ssn(checks.digits(found.value))),
    Rule("ssn", re.compile(rf"{L}\d{{3}} ?\d{{2}} ?\d{{4}}{R}"),
         both(_SSN_CUE, lambda found: checks.ssn(checks.digits(found.value))), CUED),
)

_PASSPORT_CUE = near(re.compile(r"(?i)passport|护照"), 30, after=8)
PASSPORT = (
    Rule("passport", re.compile(rf"{L}(?:[A-Za-z]{{1,2}}\d{{6,8}}|\d{{8,9}}){R}"), _PASSPORT_CUE, CUED),
    # E, G, D, S, P and eight signs: China's own (GA/T 704), without a cue as often the number of a part.
    Rule("passport", re.compile(rf"{L}(?:[EGDSP]\d{{8}}|E[A-HJ-NP-Z]\d{{7}}|[DSP]E\d{{7}}){R}"), profiles=_STRICT),
)

_CARD = re.compile(rf"(?<![0-9A-Za-z.])(?<!\d-)(?:[2-6]\d{{3}}|1800)(?:[ -]?\d){{8,15}}{R}(?!-\d)")
_MAESTRO = re.compile(rf"(?<![0-9A-Za-z.])(?<!\d-)(?:50|5[6-9]|6\d)\d{{2}}([ -]?)\d{{4}}\1\d{{4}}{R}(?![ -]\d)")
_ANY_CARD = re.compile(rf"(?<![0-9A-Za-z.])(?<!\d-)\d{{4}}(?:[ -]?\d){{8,15}}{R}(?!-\d)")
_CARD_CUE = near(
    re.compile(r"(?i)card|visa|master|amex|maestro|unionpay|debit|credit|\bpan\b|account|iban|\bpos\b"
               r"|卡|银联|账号|帐号|账户|开户|刷"), 30, after=10)


def _card_form(found: Found) -> bool:
    """13 to 19 digits of a network that gives cards out, grouped as on a card, with the right check digit."""
    number, groups = checks.digits(found.value), re.split("[ -]", found.value)
    grouped = len(groups) == 1 or all(3 <= len(group) <= 7 for group in groups[:-1])
    fifteen = len(number) != 15 or number.startswith(("34", "37", "1800", "2131"))  # Amex, JCB; else an IMEI
    return len(number) >= 13 and fifteen and grouped and len(set(number)) > 1 and checks.luhn(number)


def _long(found: Found) -> bool:
    return len(checks.digits(found.value)) >= 16


def _card_short(found: Found) -> bool:
    """Of the numbers that are none, one in ten has a right check digit: beside a cue, or with Maestro's first signs."""
    return checks.luhn(checks.digits(found.value))


CARD = (
    Rule("card", _CARD, _card_form, CUED, ("strict", "default")),
    Rule("card", _MAESTRO, _card_short, profiles=("strict", "default")),
    Rule("card", _ANY_CARD, both(_CARD_CUE, _card_short), CUED),
    # Not all Chinese account numbers have a check digit.
    Rule("card", _CARD, both(near(re.compile("卡|账号|帐号|账户"), 12), _long), CUED),
    Rule("card", _ANY_CARD, _CARD_CUE, profiles=_STRICT),
)

_CODE = re.compile(rf"{L}[1-9AC-HYac-hy][0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]\d{{6}}"
                   rf"[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{{10}}{R}")
_CODE_CUE = near(re.compile(r"(?i)信用代码|税号|纳税人识别|credit code|tax (?:no|number|id)"), 20)
CREDIT_CODE = (
    Rule("credit_code", _CODE, lambda found: checks.credit_code(found.value), PROVEN),
    Rule("credit_code", _CODE, _CODE_CUE, CUED),
)

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE_ZH = re.compile(  # GA 36-2018: five signs, two of them letters as a rule; six for new energy
    rf"[{_PROVINCES}][A-HJ-NP-Z][·•. -]?"
    rf"(?:[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳领]"
    rf"|[A-HJ-K][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[A-HJ-K]){R}"
)
_PLATE_EN = re.compile(
    r"(?:(?i:plates?|(?:tag|registration|reg)\.? (?:number|no\.?))(?: (?i:is|was|reads?|number|no\.?))?[ :#(\"]{1,3})"
    rf"(?P<v>(?=[A-Z0-9 -]{{0,5}}\d)[A-Z0-9]{{1,4}}(?:[ -]?[A-Z0-9]{{2,5}})){R}"
)
PLATE = (
    Rule("plate", _PLATE_ZH, lambda found: len(checks.digits(found.value)) >= 2),
    Rule("plate", _PLATE_ZH, near(re.compile("车牌|号牌|车"), 10, after=10), CUED),
    Rule("plate", _PLATE_EN, score=CUED),
)
RULES = (*RESIDENT_ID, *SSN, *PASSPORT, *CARD, *CREDIT_CODE, *PLATE)
