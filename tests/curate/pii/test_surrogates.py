"""What stands for a value is nobody's, in the value's own form."""

from __future__ import annotations

import ipaddress
import re

import pytest

from curate.pii import checks
from curate.pii.surrogates import Draw, laid, surrogate


def made(kind: str, value: str, salt: str = "salt") -> str:
    return surrogate(kind, value, lambda *part: Draw(salt.encode(), *(part or (kind, value))))


SALTS = [str(number) for number in range(50)]


@pytest.mark.parametrize("salt", SALTS)
def test_none_of_them_can_be_real(salt: str) -> None:
    assert re.fullmatch(r"111-\d{4}-\d{4}", made("mobile", "139-1234-5678", salt))
    assert re.fullmatch(r"\+86 111\d{8}", made("mobile", "+86 13912345678", salt))
    assert re.fullmatch(r"\([2-9]\d\d\) 555-01\d\d", made("phone", "(617) 555-2368", salt))
    assert re.fullmatch(r"0\d{2}-0\d{7}", made("phone", "010-62345678", salt))
    assert re.fullmatch(r"\+99 9\d \d{4} \d{4}", made("phone", "+44 20 7946 0958", salt))
    assert re.fullmatch(r"[a-z0-9.]+@example\.(?:com|org|net)", made("email", "li.na@bank.com.cn", salt))
    number = made("resident_id", "11010519491231002X", salt)
    assert number.startswith("99") and len(number) == 18 and checks.dated(number) and not checks.resident_id(number)
    card = checks.digits(made("card", "4111 1111 1111 1111", salt))
    assert card.startswith("0000") and not checks.luhn(card)
    assert not checks.credit_code(made("credit_code", "91350100M000100Y43", salt))
    assert made("plate", "京A·12345", salt)[1:3] == "I·"
    assert made("ssn", "123-45-6789", salt).startswith("000-")
    assert re.fullmatch(r"Z0\d{7}", made("passport", "E12345678", salt))
    assert not ipaddress.ip_address(made("ip", "8.8.4.4", salt)).is_global
    assert ipaddress.ip_address(made("ip", "2606:4700::1", salt)) in ipaddress.ip_network("2001:db8::/32")
    assert made("mac", "3C-5A-B4-01-9F-E2", salt).startswith("02-00-5E-")
    assert "EXAMPLE" in made("secret", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", salt)


def test_names_keep_their_form() -> None:
    assert re.fullmatch("[\u4e00-\u9fff]{2}", made("person", "张伟"))
    assert re.fullmatch("[\u4e00-\u9fff]{3}", made("person", "欧阳明"))
    assert re.fullmatch("[A-Z][a-z]+ [A-Z]\\. [A-Z][a-z]+", made("person", "John Q. Smith"))
    assert made("person", "JOHN SMITH") == made("person", "John Smith").upper()


@pytest.mark.parametrize("kind", ["person", "mobile", "email"])
def test_salts_give_different_ones(kind: str) -> None:
    value = {"person": "张伟明", "mobile": "13912345678", "email": "a@b.cn"}[kind]
    assert len({made(kind, value, salt) for salt in SALTS}) > 45


def test_digits_are_laid_over_the_form_of_the_old_number() -> None:
    assert laid("+1 (617) 555-2368", "12345678901") == "+1 (234) 567-8901"


@pytest.mark.parametrize(("check", "right", "wrong"), [
    (checks.resident_id, "11010519491231002X", "110105194912310021"),
    (checks.credit_code, "91350100M000100Y43", "91350100M000100Y44"),
    (checks.luhn, "4111111111111111", "4111111111111112"),
])
def test_checksums(check: object, right: str, wrong: str) -> None:
    assert callable(check) and check(right) and not check(wrong)
