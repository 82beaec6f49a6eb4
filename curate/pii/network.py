"""Network addresses: IP v4 and v6, MAC."""

from __future__ import annotations

import re

from curate.pii import checks
from curate.pii.kinds import PROVEN
from curate.pii.rules import HAN, Found, R, Rule, both, near, unless

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# Chinese writes ping10.1.2.3 and IP10.1.2.3 without a space.
_V4_BEGINS = r"(?<![0-9.])(?:(?<![A-Za-z])|(?<=(?<![A-Za-z])(?i:ip))|(?<=(?<![A-Za-z])(?i:ping)))"
_V4 = re.compile(rf"{_V4_BEGINS}{_OCTET}(?:\.{_OCTET}){{3}}(?![0-9A-Za-z]|\.\d)")
# A colon before is that of a label (地址：…, "MAC:…"), unless what stands before it is a group of the same address.
_NO_GROUP = "".join(rf"(?<!(?<![0-9A-Za-z])[0-9A-Fa-f]{{{size}}}[:-])" for size in (1, 2, 3, 4))
_V6 = re.compile(rf"(?<![0-9A-Za-z.])(?<!::){_NO_GROUP}(?!:(?!:))(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}[0-9A-Fa-f]{{0,4}}"
                 r"(?![0-9A-Za-z:]|\.\d)")
_NUMBERED = near(
    re.compile(r"(?i)(?:\bv|version|release|revision|upgrade \w{0,5}|section|chapter|clause|table|figure|§|rev\.?"
               r"|版本|版|章|节|条|表|图|升级到|升级至|见|自|第)\s?$"), 16,
)
_NUMBERED_AFTER = re.compile(r"\s?(?:版|节|章|条|release|version)")
# Anywhere in the sentence: "Version 4.1.2 mends what 17.19.13.8 broke". Of 10.x the network is likelier.
_RELEASE = near(re.compile(r"(?i)(?:\bversion|\brelease|firmware|\bsection|版本|固件)[^\n。!?]*\Z"), 60)
_LINE_BEGINS = re.compile(r"(?:\A|\n)[#>*\s-]{0,12}\Z")
_TITLE_FOLLOWS = re.compile(rf"\.?\s{{1,3}}(?:[A-Z]|{HAN})")
_IP_CUE = near(
    re.compile(r"(?i)\bips?\b|address|host|server|\bfrom\b|ping|ssh|subnet|gateway|client|connect|://|@|地址|主机|服务器"
               r"|网关|登录|访问"), 40, after=12)


def _numbering(found: Found) -> bool:
    """A release or a section: `version 10.4.2.1`, 见手册 1.8.3.13 节, a heading that begins with its number."""
    if any(int(octet) >= 40 for octet in found.value.split(".")):
        return False
    if _RELEASE(found) and not found.value.startswith("10.") and not _IP_CUE(found):
        return True
    titled = _LINE_BEGINS.search(found.before(14)) and _TITLE_FOLLOWS.match(found.after(6))
    return bool(titled or _NUMBERED(found) or _NUMBERED_AFTER.match(found.after(9)))


def _large(found: Found) -> bool:
    """An octet that releases and sections do not reach."""
    return any(int(octet) >= 40 for octet in found.value.split("."))


def _somebodys(found: Found) -> bool:
    return checks.is_ip(found.value) and not checks.nobodys_ip(found.value)


def _public(found: Found) -> bool:
    """In manuals, private addresses and those set aside for documents are examples."""
    return _somebodys(found) and not checks.example_ip(found.value)


def _spelled(found: Found) -> bool:
    """More than the `a::b` of a programming language."""
    groups = [group for group in found.value.split(":") if group]
    eui64 = len(groups) == 8 and all(len(group) == 2 for group in groups)
    return len(groups) >= 3 and any(sign.isdigit() for sign in found.value) and not eui64


def _of_a_device(found: Found) -> bool:
    """Not the address of all, of none, or of RFC 9542's examples."""
    signs = re.sub("[^0-9a-f]", "", found.value.lower())
    return len(set(signs)) > 1 and not signs.startswith("00005e0053")


_USUAL = ("strict", "default")
RULES = (
    Rule("ip", _V4, both(_somebodys, unless(_numbering)), profiles=("default",)),
    Rule("ip", _V4, _somebodys, profiles=("strict",)),
    Rule("ip", _V4, lambda found: _public(found) and not _numbering(found) and (_large(found) or _IP_CUE(found)),
         profiles=("technical",)),
    Rule("ip", _V6, both(_somebodys, _spelled), PROVEN, _USUAL),
    Rule("ip", _V6, both(_public, _spelled), PROVEN, ("technical",)),
    Rule("mac", re.compile(rf"(?<![0-9A-Za-z]){_NO_GROUP}[0-9A-Fa-f]{{2}}"
                           r"(?:(?::[0-9A-Fa-f]{2}){5}(?:(?::[0-9A-Fa-f]{2}){2})?"
                           r"|(?:-[0-9A-Fa-f]{2}){5})(?![0-9A-Za-z]|[:-][0-9A-Fa-f])"), _of_a_device, PROVEN),
    Rule("mac", re.compile(rf"(?<![0-9A-Za-z.])[0-9A-Fa-f]{{4}}(?:\.[0-9A-Fa-f]{{4}}){{2}}{R}(?!\.\d)"),
         both(_of_a_device, near(re.compile(r"(?i)\bmac\b|ethernet|hardware|arp|物理地址"), 40)), profiles=_USUAL),
)
