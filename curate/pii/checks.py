"""Checksums and forms that tell a number from a look-alike. All take text in half width."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_ID_SIGNS = "10X98765432"
_CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
# Departments of registration that GB 32100-2015 names, as the code's first sign.
_CODE_FIRST = frozenset("1234567891ACEFGNY")


def digits(text: str) -> str:
    """The ASCII digits of `text`."""
    return re.sub(r"[^0-9]", "", text)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def id_sign(body: str) -> str:
    """The check sign of a resident ID's 17 digits."""
    return _ID_SIGNS[sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, body, strict=True)) % 11]


def resident_id(number: str) -> bool:
    """18 signs with a day that there was and the right check sign."""
    return dated(number) and id_sign(number[:17]) == number[17].upper()


def dated(number: str) -> bool:
    """Whether digits 7 to 14 (or 7 to 12 of the old form of 15) are a day of birth."""
    day = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        return date(1900, 1, 1) <= date(int(day[:4]), int(day[4:6]), int(day[6:])) < date(2100, 1, 1)
    except ValueError:
        return False


def code_sign(body: str) -> str:
    """The check sign of a credit code's 17 signs."""
    return _CODE_SIGNS[-sum(_CODE_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body)) % 31]


def credit_code(code: str) -> bool:
    """18 signs with the right check sign."""
    code = code.upper()
    return set(code) <= set(_CODE_SIGNS) and code[0] in _CODE_FIRST and code_sign(code[:17]) == code[17]


def ssn(number: str) -> bool:
    """Nine digits that the Social Security Administration may have given out."""
    return number[:3] not in ("000", "666") and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"


def is_ip(text: str) -> bool:
    """Whether this is an address of version 4 or 6, in any of the usual forms."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# Nobody's: this machine, any machine, everybody, and masks.
_NOBODYS_IP = re.compile(r"127\.0\.0\.1|0\.0\.0\.0|255\.\d+\.\d+\.\d+|::1?")


def nobodys_ip(text: str) -> bool:
    return _NOBODYS_IP.fullmatch(text) is not None


def example_ip(text: str) -> bool:
    """An address that identifies no one outside a network, or was set aside for documents."""
    return not ipaddress.ip_address(text).is_global
