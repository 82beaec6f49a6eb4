"""Values that stand in for real ones: the same for the same, decided by a salt and not by the order of the records.

What is drawn cannot be anyone's, as far as there is a range for that:

    email     example.com, .org, .net (RFC 2606)      ip    192.0.2/24, 198.51.100/24, 203.0.113/24 (RFC 5737),
    phone     555-0100 to 555-0199 with +1 (NANPA);         198.18/15 (RFC 2544), 2001:db8::/32 (RFC 3849)
              China: a local number that begins with 0 (they begin with 2–8); elsewhere country code 999 (spare)
    mobile    111 … (Chinese mobile numbers begin with 13–19)
    resident_id, card, credit_code: a region, an issuer, a department that there is none of, and a wrong check sign
    ssn       area 000 (never given out)              mac   02-00-5E …: locally administered, no maker's
    plate     Chinese: I as the second sign, which is never used
    passport  there is no such range: letters become Z, and the number begins with 0
    address   streets of an invented town             person  invented combinations: somebody may bear the name
    secret    the issuer's prefix and EXAMPLE

The form stays: blanks and dashes of numbers, the case of names, the number of signs of a Chinese name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from curate.pii import checks
from curate.pii.cues import surname_of
from seedbed.resources import resource

EXTENSION = re.compile(r"(?<=\d),? ?(?:x|ext\.?|extension|转|#) ?(\d{1,6})$")
NAMES = resource("seeds") / "surrogate_names.txt"


class Draw:
    """Choices decided by a salted hash of what they are for: half a thousand bits, used up one after the other."""

    def __init__(self, salt: bytes, *what: str) -> None:
        said = "\x1f".join(what).encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(salt, digest_size=32).digest()
        self._left = int.from_bytes(hashlib.blake2b(said, key=key, digest_size=64).digest(), "big")

    def below(self, bound: int) -> int:
        """A number from 0 up to `bound`."""
        self._left, chosen = divmod(self._left, bound)
        return chosen

    def one(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]

    def signs(self, count: int, alphabet: str = "0123456789") -> str:
        return "".join(self.one(alphabet) for _ in range(count))


@lru_cache
def _lists() -> tuple[tuple[str, ...], ...]:
    """English given names, English family names, Chinese family names, signs of Chinese given names."""
    lines = [line for line in NAMES.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return tuple(tuple(dict.fromkeys(line.split() if " " in line else line)) for line in lines)


Pick = Callable[..., Draw]


def surrogate(kind: str, value: str, pick: Pick) -> str:
    """What stands for `value`. `pick(*what)` draws for an entity, or for a part of it that others may share."""
    return _MAKERS[kind](value, pick)


def laid(value: str, drawn: str) -> str:
    """`drawn` in the form of `value`: one sign for each of its digits, the last ones where there are more."""
    left = iter(drawn[-len(checks.digits(value)) :])
    return re.sub(r"[0-9]", lambda digit: next(left, digit.group()), value)


def _person(value: str, pick: Pick) -> str:
    given, family, surnames, signs = _lists()
    if not value.isascii() and re.search("[\u3400-\u9fff]", value):
        surname = pick("surname", surname_of(value) or value[:1]).one(surnames)
        rest = 0 if len(value) == 1 else 1 if len(value) == 2 else 2
        return surname + pick().signs(rest, "".join(signs))
    words = value.split()
    made = [_english_word(word, place, len(words), pick, given, family) for place, word in enumerate(words)]
    pairs = zip(words, made, strict=True)
    return " ".join(new.upper() if old.isupper() and len(old) > 2 else new for old, new in pairs)


def _english_word(
    word: str, place: int, count: int, pick: Pick, given: Sequence[str], family: Sequence[str]
) -> str:
    if re.fullmatch(r"[A-Z]\.?", word):
        return pick("initial", word[0]).one("ABCDEFGHJKLMNPRSTVW") + word[1:]
    if count > 1 and place < count - 1:
        return word if word.islower() else pick("given", word.lower()).one(given)  # van, de
    return pick("family", word.lower()).one(family)


def _email(value: str, pick: Pick) -> str:
    """Two words before the @ are taken for given and family name, and go with the person's surrogate."""
    local = value.partition("@")[0]
    given, family, *_ = _lists()
    host = pick("host", value.partition("@")[2].lower()).one(("example.com", "example.org", "example.net"))
    if parts := re.fullmatch(r"([^\W\d_]{2,})([._-])([^\W\d_]{2,})", local):
        first, last = pick("given", parts[1].lower()).one(given), pick("family", parts[3].lower()).one(family)
        return f"{first}{parts[2]}{last}@{host}".lower()
    return f"user{pick().signs(6)}@{host}"


def _mobile(value: str, pick: Pick) -> str:
    number = checks.digits(value)
    return laid(value, number[:-11] + "111" + pick().signs(8))


def _phone(value: str, pick: Pick) -> str:
    draw, extension = pick(), ""
    if cut := EXTENSION.search(value):
        extension = value[cut.start() : cut.start(1)] + pick("extension", cut[1]).signs(len(cut[1]))
        value = value[: cut.start()]
    number = checks.digits(value)
    national = re.sub(r"^(?:001|1)(?=[2-9]\d{9}$)", "", number)
    if re.fullmatch(r"[2-9]\d{2}[2-9]\d{6}", national) and not number.startswith("86"):
        made = number[: -len(national)] + draw.one("23456789") + draw.signs(2, "02345678") + "55501" + draw.signs(2)
    elif home := re.fullmatch(r"((?:00)?86)?(0?)(10|2\d|[3-9]\d{2})([2-8]\d{6,7})(\d*)", number):
        two = len(home[3]) == 2
        area = draw.one("10 21 22 23 24 25 27 28 29".split() if two else "571 755 591 431 898 871".split())
        made = (home[1] or "") + home[2] + area + "0" + draw.signs(len(home[4]) - 1 + len(home[5]))
    elif value.startswith("+"):
        made = "999" + draw.signs(len(number) - 3)
    else:
        made = "000"[: max(1, len(number) - 7)] + draw.signs(len(number))
        made = made[: len(number)]
    return laid(value, made) + extension


def _resident_id(value: str, pick: Pick) -> str:
    draw, number = pick(), value.replace(" ", "")
    born = f"{1950 + draw.below(55)}{1 + draw.below(12):02}{1 + draw.below(28):02}"
    body = f"99{draw.signs(4)}{born}{draw.signs(3)}"
    wrong = "0123456789"[(int(checks.id_sign(body).replace("X", "0")) + 1 + draw.below(8)) % 10]
    made = iter(body + wrong if len(number) == 18 else body[:6] + born[2:] + draw.signs(3))
    return re.sub(r"[0-9Xx]", lambda sign: next(made), value)


def _ssn(value: str, pick: Pick) -> str:
    return laid(value, "000" + pick().signs(6))


def _passport(value: str, pick: Pick) -> str:
    number = checks.digits(value)
    return re.sub("[A-Za-z]", "Z", laid(value, "0" + pick().signs(len(number) - 1)))


def _card(value: str, pick: Pick) -> str:
    draw = pick()
    made = "0000" + draw.signs(len(checks.digits(value)) - 4)
    return laid(value, made[:-1] + str((int(made[-1]) + 1) % 10) if checks.luhn(made) else made)


def _credit_code(value: str, pick: Pick) -> str:
    body = "00" + pick().signs(15, "0123456789ABCDEFGHJKLMNPQRTUWXY")
    return body + ("0" if checks.code_sign(body) != "0" else "1")


def _plate(value: str, pick: Pick) -> str:
    draw = pick()
    if value.isascii():
        return re.sub("[A-Za-z]", lambda _: draw.one("IOQ"), laid(value, draw.signs(len(checks.digits(value)))))
    letters = re.sub("[A-Z]", lambda _: draw.one("ABCDEFGHJKLMNPQRSTUVWXYZ"), value[2:])
    return draw.one("京津沪渝冀豫云辽湘皖鲁苏浙赣鄂桂甘晋陕吉闽粤青川琼") + "I" + laid(letters, draw.signs(8))


def _address(value: str, pick: Pick) -> str:
    draw, family = pick(), _lists()[1]
    if value.isascii():
        return f"{1 + draw.below(9998)} {draw.one(family)} {draw.one(('Street', 'Lane', 'Road'))}, Exampleton"
    road = draw.one("松竹梅兰云星月虹桥泉") + draw.one("山林河湖海岭川溪园台") + draw.one(("路", "街", "巷"))
    district = draw.one(("东样", "西样", "南样", "北样"))
    return f"示例市{district}区{road}{1 + draw.below(998)}号{101 + draw.below(2800)}室"


_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15")


def _ip(value: str, pick: Pick) -> str:
    draw = pick()
    if ":" in value:
        return str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("2001:db8::")) + draw.below(1 << 64)))
    networks = [ipaddress.ip_network(name) for name in _V4]
    at = draw.below(sum(network.num_addresses for network in networks))
    for network in networks[:-1]:
        if at < network.num_addresses:
            return str(network[at])
        at -= network.num_addresses
    return str(networks[-1][at])


def _mac(value: str, pick: Pick) -> str:
    made = iter("02005e" + pick().signs(10, "0123456789abcdef"))
    drawn = re.sub("[0-9A-Fa-f]", lambda _: next(made), value)
    return drawn.upper() if value.upper() == value else drawn


def _secret(value: str, pick: Pick) -> str:
    made = "EXAMPLE" + pick().signs(16, "0123456789abcdefghijkmnpqrstuvwxyz")
    if block := re.match(r"-----BEGIN ([A-Z0-9 ]+)-----", value):
        return f"{block.group()}\n{made}\n-----END {block[1]}-----"
    if value.startswith("eyJ") and value.count(".") == 2:
        return f"eyJ{made}.eyJEXAMPLE.EXAMPLE"
    prefix = re.match(r"(?:[A-Za-z]{2,6}[-_](?:[a-z]{3,5}[-_])?|AKIA|ASIA|LTAI|AKID|AIza)(?=[0-9A-Za-z_-]{12})", value)
    return (prefix.group() if prefix else "") + made


_MAKERS: dict[str, Callable[[str, Pick], str]] = {
    "person": _person, "phone": _phone, "mobile": _mobile, "email": _email, "resident_id": _resident_id, "ssn": _ssn,
    "passport": _passport, "card": _card, "credit_code": _credit_code, "plate": _plate, "address": _address, "ip": _ip,
    "mac": _mac, "secret": _secret,
}
