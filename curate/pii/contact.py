"""Phone numbers and e-mail addresses.

Numbering: China's plan (MIIT 2017: mobile 13–19, area codes of two or three digits after the 0, local numbers from 2),
the North American one (area and exchange begin with 2–9), and for other countries what libphonenumber takes for valid.
"""

from __future__ import annotations

import re

from curate.pii.kinds import CUED
from curate.pii.rules import Found, R, Rule, any_of, both, near

_CALL = re.compile(
    r"(?i)phone|mobile|\b(?:tel|cell|call|dial|ring|text|fax|sms|whatsapp|voicemail|caller|contact|reach)"
    r"|电话|手机|致电|拨|座机|传真|热线|来电|联系|短信|号码|微信"
)
_CALLED = near(_CALL, 40)
_EXT = r"(?:(?:,? ?(?:x|ext\.?|extension)|转|#|-) ?\d{1,6}(?!\d))?"
_SEPARATED = re.compile(r"\d[-. )/]+\(?\d")


def _separated(found: Found) -> bool:
    return _SEPARATED.search(found.value) is not None


def _ten_digits(found: Found) -> bool:
    """Ten digits in one run are as often an order or a time stamp: they need a cue."""
    return _separated(found) or found.value.startswith("+") or _CALLED(found)


def _valid_abroad(found: Found) -> bool:
    """What libphonenumber knows as a number of its country."""
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(found.value)))
    except phonenumbers.NumberParseException:
        return False


MOBILE = (
    Rule(
        "mobile",
        re.compile(r"(?<![0-9A-Za-z.])(?<![0-9]-)(?:\(?(?:\+ ?|00)86\)?[- ]?|86[- ]|86(?=1[3-9]\d{9}(?!\d))|0)?"
                   rf"1[3-9]\d(?:\d{{8}}|[- ]\d{{4}}[- ]\d{{4}}|\d[- ]\d{{3}}[- ]\d{{4}}|[- ]\d{{8}}){R}"),
        profiles=("strict", "default"),
    ),
    Rule(  # in manuals eleven digits in a row are sizes and keys as well
        "mobile",
        re.compile(r"(?<![0-9A-Za-z.])(?<![0-9]-)(?:\(?(?:\+ ?|00)86\)?[- ]?|0)?"
                   rf"1[3-9]\d(?:\d{{8}}|[- ]\d{{4}}[- ]\d{{4}}|\d[- ]\d{{3}}[- ]\d{{4}}){R}"),
        any_of(_separated, _CALLED, lambda found: found.value.startswith("+")),
        profiles=("technical",),
    ),
)
_NOT_TECHNICAL = ("strict", "default")
PHONE = (
    Rule(  # 010-62345678, (0755) 8234567, +86 21 52345678
        "phone",
        re.compile(r"(?<![0-9A-Za-z.-])(?:(?:(?:\+|00)86[- ]?0?|0)(?:10|2\d|[3-9]\d{2})"
                   r"|(?:(?:\+|00)86[- ]?)?\(0?(?:10|2\d|[3-9]\d{2})\))[- ]?"
                   rf"[2-8]\d{{6,7}}(?!\d){_EXT}{R}"),
        profiles=_NOT_TECHNICAL,
    ),
    Rule(
        "phone",
        re.compile(r"(?<![0-9A-Za-z.-])(?:(?:(?:\+|00)86[- ]?0?|0)(?:10|2\d|[3-9]\d{2})-"
                   r"|(?:(?:\+|00)86[- ]?)?\(0?(?:10|2\d|[3-9]\d{2})\)[- ]?)"
                   rf"[2-8]\d{{6,7}}(?!\d){_EXT}{R}"),
        profiles=("technical",),
    ),
    Rule(  # a local number stands for itself only beside a cue
        "phone",
        re.compile(r"(?:电话|座机|传真|总机|(?i:\btel|\bfax))[^0-9A-Za-z]{0,4}(?P<v>[2-8]\d{6,7}|[2-8]\d{2,3}[- ]\d{4})"
                   r"(?![0-9A-Za-z-])"),
        score=CUED,
    ),
    Rule(  # 400 and 800 lines and the like are companies'
        "phone",
        re.compile(rf"(?<![0-9A-Za-z.-])[48]00[- ]?(?:\d{{3}}[- ]?\d{{4}}|\d{{4}}[- ]?\d{{3}}){R}"),
        profiles=("strict",),
    ),
    Rule(
        "phone",
        re.compile(r"(?<![0-9A-Za-z.])(?<!\d-)(?:(?:\+|00)?1[-. ]?)?(?!400)(?:(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])"
                   rf"[2-9]\d{{2}}[-. ]?\d{{4}}|[2-9]\d{{2}}[2-9]\d{{6}})(?!\d){_EXT}(?![0-9A-Za-z-]|\.\d)"),
        _ten_digits,
        profiles=_NOT_TECHNICAL,
    ),
    Rule(
        "phone",
        re.compile(r"(?<![0-9A-Za-z.])(?<!\d-)(?:\+1[-. ]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])"
                   rf"[2-9]\d{{2}}[-. ]\d{{4}}(?!\d){_EXT}(?![0-9A-Za-z-]|\.\d)"),
        any_of(lambda found: found.value[0] in "(+", _CALLED),
        profiles=("technical",),
    ),
    Rule(  # abroad: +44 20 7946 0958
        "phone",
        re.compile(rf"(?<![0-9A-Za-z.+])\+(?!86|1\D)[1-9]\d{{0,2}}(?:[-. ]?\(?\d{{1,12}}\)?){{1,6}}{R}"),
        _valid_abroad,
    ),
    Rule(  # the national form of many countries: 020 7946 0958
        "phone",
        re.compile(rf"(?<![0-9A-Za-z.-])0\d{{2,4}}[ -]\d{{3,4}}[ -]?\d{{3,4}}{R}"),
        _CALLED,
        profiles=_NOT_TECHNICAL,
    ),
)

# Letters of mailboxes (RFC 6531): Latin with its accents, Greek, Cyrillic. Not Chinese, which
# stands before and after an address without a blank.
_A = "A-Za-zÀ-ÖØ-öø-ɏ\u0300-\u036fͰ-ԯ"
_EMAIL = re.compile(
    rf"(?<![0-9{_A}._%+-])[0-9{_A}](?:[0-9{_A}._%+'-]{{0,62}}[0-9{_A}_+-])?"
    rf"@(?:[0-9{_A}](?:[0-9{_A}-]{{0,61}}[0-9{_A}])?\.){{1,6}}[{_A}]{{2,18}}(?![0-9{_A}@-]|\.[0-9{_A}])"
)
# The host part of a URL with a user in it, and the form in which repositories are cloned: no mailboxes.
_IN_URL = re.compile(r"://[^\s/@]{0,200}$")
_ROLES = frozenset(
    "abuse admin billing bugs contact editor example feedback help hello hostmaster info jobs list lists mail me news "
    "newsletter no-reply nobody noreply office postgres postmaster press privacy root sales security service someone "
    "support team test user username webmaster you yourname your.name".split()
)
_EXAMPLE_HOST = re.compile(r"(?i)(?:^|[@.])(?:example|test|invalid|localhost|domain|your\w*)(?:\.\w{2,4})?$|@lists?\.")


def _a_mailbox(found: Found) -> bool:
    clone = found.value.startswith("git@") and found.after(1) == ":"
    return not clone and not _IN_URL.search(found.before(210))


def _a_persons(found: Found) -> bool:
    """Not a role's, a list's or an example's: manuals are full of those, and they are nobody's."""
    local, _, host = found.value.lower().partition("@")
    return local not in _ROLES and not _EXAMPLE_HOST.search("@" + host)


EMAIL = (
    Rule("email", _EMAIL, _a_mailbox, profiles=_NOT_TECHNICAL),
    Rule("email", _EMAIL, both(_a_mailbox, _a_persons), profiles=("technical",)),
)
RULES = (*MOBILE, *PHONE, *EMAIL)
