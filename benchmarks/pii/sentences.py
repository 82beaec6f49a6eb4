"""Labelled sentences: the lines of en.txt and zh.txt with values of Faker put in.

Faker has no credit code, no Chinese landline and no keys of known issuers: those are made here, with checksums computed
by code of its own, so that a mistake of the recognisers is not repeated in their test.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

from faker import Faker

HERE = Path(__file__).parent
HALVES = ("tuning", "held out")
OUTSIDE = "another author"
_SLOT = re.compile(r"\{(\w+)\}")
# Which kind of personal data a slot holds; slots that are not named hold none.
KINDS = {
    "person": "person", "phone": "phone", "mobile": "mobile", "email": "email", "id": "resident_id", "ssn": "ssn",
    "passport": "passport", "card": "card", "credit": "credit_code", "plate": "plate", "address": "address",
    "ip": "ip", "ipv6": "ip", "mac": "mac", "token": "secret", "dsn": "secret", "password": "secret",
    "jwt": "secret", "pem": "secret",
}


@dataclass(frozen=True)
class Labelled:
    """A sentence and what is personal in it: (kind, slot, start, end). For a slot with a secret inside a longer value
    (a URL), the span is that of the secret alone."""

    text: str
    spans: tuple[tuple[str, str, int, int], ...]


def sentences(language: str, half: str, count: int, seed: int = 0) -> list[Labelled]:
    """`count` sentences made from one half of the templates, in turn. Values are other ones in each half."""
    return _made(language, _templates(f"{language}.txt")[HALVES.index(half) :: 2], count, f"{language}{half}{seed}")


def outside(language: str, count: int) -> list[Labelled]:
    """`count` sentences made from the templates of an author who had not read the recognisers."""
    return _made(language, _templates(f"outside_{language}.txt"), count, f"{language}{OUTSIDE}")


def _templates(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _made(language: str, templates: list[str], count: int, seed: str) -> list[Labelled]:
    values = Values(language, seed)
    return [values.filled(templates[number % len(templates)]) for number in range(count)]


class Values:
    """A seeded source of values for the slots."""

    def __init__(self, language: str, seed: str) -> None:
        self.random = random.Random(seed)
        self.language = language
        self.faker = Faker("zh_CN" if language == "zh" else "en_US")
        self.faker.seed_instance(seed)

    def filled(self, template: str) -> Labelled:
        text, spans, at = "", [], 0
        for slot in _SLOT.finditer(template):
            if not hasattr(self, slot[1]):  # a brace of JSON
                continue
            made: str | tuple[str, str, str] = getattr(self, slot[1])()
            before, value, after = ("", made, "") if isinstance(made, str) else made
            text += template[at : slot.start()].replace("\\n", "\n") + before
            if slot[1] in KINDS:
                spans.append((KINDS[slot[1]], slot[1], len(text), len(text) + len(value)))
            text, at = text + value + after, slot.end()
        return Labelled(text + template[at:].replace("\\n", "\n"), tuple(spans))

    # ---- personal data ----

    def person(self) -> str:
        return str(self.faker.name())

    def email(self) -> str:
        return str(self.random.choice([self.faker.email, self.faker.company_email, self.faker.free_email])())

    def phone(self) -> str:
        if self.language == "en":
            return str(self.faker.phone_number())
        area = self.random.choice(["010", "021", "0755", "0571", "028", "0591", "0898", "0431"])
        first = str(self.random.randint(2, 8))
        number = first + self.digits(7 if len(area) == 3 or self.random.random() < 0.6 else 6)
        abroad = f"+86 {area[1:]} {number}"
        return self.random.choice([f"{area}-{number}", f"({area}){number}", f"{area} {number}", abroad])

    def mobile(self) -> str:
        number = str(self.faker.phone_number())
        parts = (number[:3], number[3:7], number[7:])
        return self.random.choice([number, number, number, "-".join(parts), " ".join(parts), f"+86{number}"])

    def card(self) -> str:
        number = str(self.faker.credit_card_number())
        if self.language == "zh":
            number = luhn("62" + self.digits(self.random.choice([13, 16])))
        grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        return self.random.choice([number, number, grouped, grouped.replace(" ", "-")])

    def address(self) -> str:
        if self.language == "zh":
            return str(self.faker.address()).rsplit(" ", 1)[0]
        made = self.random.choice([self.faker.street_address, self.faker.address])()
        return str(made).replace("\n", ", ")

    def id(self) -> str:
        return str(self.faker.ssn())

    def ssn(self) -> str:
        return str(self.faker.ssn())

    def passport(self) -> str:
        own = self.random.choice("EG") + self.digits(8)  # China's; Faker's Chinese ones begin with any letter
        faker = str(self.faker.passport_number())
        return self.random.choice([own, faker]) if self.language == "zh" else faker

    def plate(self) -> str:
        if self.language == "en":
            return str(self.faker.license_plate())
        plate = self.random.choice("京沪粤苏浙川鄂鲁闽黑") + self.random.choice("ABCDEFGH")
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        tail = list(self.digits(5))
        for place in self.random.sample(range(5), self.random.randint(0, 2)):  # GA 36: two letters at most
            tail[place] = self.random.choice(letters)
        number = "".join(tail)
        green = self.random.choice("DF") + self.random.choice(letters) + self.digits(4)
        return self.random.choice([plate + number, str(self.faker.license_plate()), f"{plate}·{number}", plate + green])

    def credit(self) -> str:
        signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        body = self.random.choice(["91", "92", "12", "52"])
        body += self.random.choice(["310115", "440305", "110108", "330106"])
        body += "".join(self.random.choices(signs, k=9))
        total = sum(signs.index(sign) * 3**place for place, sign in enumerate(body))
        return body + signs[-total % 31]

    def ip(self) -> str:
        return str(self.random.choice([self.faker.ipv4_public, self.faker.ipv4_private, self.faker.ipv4])())

    def ipv6(self) -> str:
        return str(self.faker.ipv6())

    def mac(self) -> str:
        address = str(self.faker.mac_address())
        return self.random.choice([address, address.upper(), address.replace(":", "-")])

    def token(self) -> str:
        letters = string.ascii_letters + string.digits
        forms = [("sk-proj-", 48), ("sk-", 48), ("ghp_", 36), ("glpat-", 20), ("sk_live_", 24), ("hf_", 34),
                 ("npm_", 36), ("LTAI5t", 18), ("AKID", 32), ("AIza", 35), ("AKIA", 16),
                 (f"xoxb-{self.digits(12)}-", 24)]
        prefix, size = self.random.choice(forms)
        return prefix + self.signs(string.ascii_uppercase + "234567" if prefix == "AKIA" else letters, size)

    def dsn(self) -> tuple[str, str, str]:
        scheme, host = self.random.choice([("postgresql", "db.internal:5432/erp"), ("mysql", "shop-db/shop"),
                                           ("redis", "cache:6379/0"), ("https", "artifacts.corp.net/simple"),
                                           ("amqp", "mq-2:5672/jobs")])
        return f"{scheme}://{self.faker.user_name()}:", self.password(), f"@{host}"

    def password(self) -> str:
        return self.signs(string.ascii_letters, 4) + self.signs("!#$%*+^", 1) + self.digits(3) + self.signs(
            string.ascii_letters + string.digits, self.random.randint(2, 8))

    def jwt(self) -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self.digits(9), "exp": int(self.digits(9))})
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, self.signs(string.ascii_letters + string.digits + "-_", 43)])

    def pem(self) -> str:
        name = self.random.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"])
        lines = [self.signs(string.ascii_letters + string.digits + "+/", 64) for _ in range(4)]
        return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----"])

    # ---- what is not personal ----

    def number(self) -> str:
        return str(self.random.randint(2, 4000))

    def price(self) -> str:
        return f"{self.random.randint(10, 90_000):,}.{self.digits(2)}"

    def date(self) -> str:
        return str(self.faker.date())

    def version(self) -> str:
        return ".".join(str(self.random.randint(0, 20)) for _ in range(self.random.choice([3, 3, 4])))

    def section(self) -> str:
        return ".".join(str(self.random.randint(1, 20)) for _ in range(self.random.choice([2, 3, 4])))

    def order(self) -> str:
        return self.random.choice(["PO-", "B", "SN", "#"]) + self.digits(self.random.choice([6, 8, 10]))

    def isbn(self) -> str:
        return str(self.faker.isbn13())

    def sha(self) -> str:
        return str(self.faker.sha1())

    def uuid(self) -> str:
        return str(self.faker.uuid4())

    def digits(self, count: int) -> str:
        return self.signs(string.digits, count)

    def signs(self, alphabet: str, count: int) -> str:
        return "".join(self.random.choices(alphabet, k=count))


def luhn(body: str) -> str:
    """`body` and its check digit."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    total = sum(number // 10 + number % 10 for number in doubled)
    return body + str(-total % 10)


