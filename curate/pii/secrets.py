"""Keys and secrets: keys of known issuers by their prefixes (as the issuers document them for scanners), JSON web
tokens (RFC 7519), private key blocks (RFC 7468), passwords in URLs (RFC 3986) and in configuration.

What stands for a secret in a manual (`your_password`, `<token>`, `${KEY}`) is none.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from curate.pii.kinds import CUED, PROVEN
from curate.pii.rules import HAN, Found, L, Rule

_END = r"(?![0-9A-Za-z_-])"
_ISSUED = re.compile(
    rf"""{L}(?:
      sk-(?:proj-|ant-[a-z0-9]+-|or-v1-|svcacct-)?[0-9A-Za-z_-]{{20,200}}   # OpenAI, Anthropic, OpenRouter, DeepSeek
    | gh[opsur]_[0-9A-Za-z]{{36,251}} | github_pat_[0-9A-Za-z_]{{22,255}} | glpat-[0-9A-Za-z_-]{{20,64}}
    | (?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}} | AIza[0-9A-Za-z_-]{{35}} | ya29\.[0-9A-Za-z_-]{{20,300}}
    | GOCSPX-[0-9A-Za-z_-]{{28}} | xox[abeoprs]-[0-9A-Za-z-]{{10,200}} | xapp-\d-[0-9A-Za-z-]{{20,200}}
    | [rsp]k_(?:live|test)_[0-9A-Za-z]{{16,200}} | whsec_[0-9A-Za-z]{{24,64}}
    | SG\.[0-9A-Za-z_-]{{22}}\.[0-9A-Za-z_-]{{43}}
    | npm_[0-9A-Za-z]{{36}} | pypi-AgE[0-9A-Za-z_-]{{50,300}} | hf_[0-9A-Za-z]{{30,40}} | dckr_pat_[0-9A-Za-z_-]{{27}}
    | dop_v1_[0-9a-f]{{64}} | shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}} | gsk_[0-9A-Za-z]{{40,60}} | r8_[0-9A-Za-z]{{37}}
    | LTAI[0-9A-Za-z]{{12,26}} | AKID[0-9A-Za-z]{{32}} | AKLT[0-9A-Za-z_-]{{40,60}}   # Alibaba, Tencent, Volcano
    | \d{{8,10}}:AA[0-9A-Za-z_-]{{33}} | AGE-SECRET-KEY-1[0-9A-Z]{{58}} | hvs\.[0-9A-Za-z_-]{{24,200}}
    ){_END}""",
    re.X,
)
_JWT = re.compile(rf"{L}eyJ[0-9A-Za-z_-]{{8,8000}}\.eyJ[0-9A-Za-z_-]{{4,8000}}\.[0-9A-Za-z_-]{{8,2000}}{_END}")
_PEM = re.compile(r"-----BEGIN (?P<name>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----"
                  r"[0-9A-Za-z+/=\s\\:,().-]{0,20000}?-----END (?P=name)-----")
_PEM_CUT = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
                      r"(?:\s|\\n)*(?:[0-9A-Za-z+/=]{16,}(?:\s|\\n)*)+")
_IN_URL = re.compile(r"(?<![0-9A-Za-z])[A-Za-z][0-9A-Za-z+.-]{1,20}://[^\s:/@\"'<>]{0,80}"
                     r":(?P<v>[^\s/@\"'<>]{1,128})@(?=[\w\[])")
_WEBHOOK = re.compile(r"https://(?:hooks\.slack\.com/services|(?:oapi\.dingtalk\.com/robot/send\?access_token="
                      r"|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key="
                      r"|discord(?:app)?\.com/api/webhooks))(?P<v>/?[0-9A-Za-z/_-]{20,120})")
_NAMES = (r"pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key"
          r"|secret[_-]?key|account[_-]?key|encryption[_-]?key|credentials?|sharedaccesskey|client[_-]?secret")
_ASSIGNED = re.compile(
    rf"(?i:(?<![0-9A-Za-z])(?:[0-9A-Za-z.]{{0,24}}[_.-])?(?:{_NAMES})(?![a-z])|口令|密码|密钥|令牌)"
    r"[\"'`]?[ \t]{0,4}(?::=|=>|[=:：]|为|是|\bis\b)[ \t]{0,4}[\"'`]?"
    r"(?P<v>(?:(?![\"'`<>{}()\[\],;])[!-~]){6,200})"  # ASCII: Chinese may follow
)
# In a sentence: "the password for the guests is …", "root / password …", 密码…, 密码今天起改为…
_SAID = re.compile(
    rf"(?i:(?<![0-9A-Za-z])(?:password|passwd|pwd|passphrase|passcode)(?:(?: [a-z]{{1,16}}){{1,6}}? is)?[ \t]{{1,4}}"
    rf"|(?:口令|密码)(?:{HAN}{{0,12}}?[为是成:])?)[ \t]{{0,4}}[\"'`]?(?P<v>(?:(?![\"'`<>{{}}()\[\],;])[!-~]){{8,64}})"
)
_BEARER = re.compile(r"(?i:\bauthorization\b[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:bearer|basic|token)|\bbearer) {1,2}"
                     r"(?P<v>[0-9A-Za-z._~+/=-]{16,4000})")

_PLACEHOLDER = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|\.{3,}|-{3,}|_{3,}|\$\w.*|%\w+%?|:\w+)$|example|placeholder|change.?me|your|dummy|redacted"
    r"|^(?:my)?(?:secret|password|passwd|pass|pw|token|foo|bar|foobar|test|none|null|true|false|required|optional"
    r"|string|default|md5|trust|scram-sha-256|hunter2)\d{0,3}$|os\.environ|getenv|process\.env|\*\*\*"
)


def _classes(value: str) -> int:
    return sum(any(map(kind, value)) for kind in (str.islower, str.isupper, str.isdigit, _is_sign))


def _is_sign(character: str) -> bool:
    return not character.isalnum()


def _bits(value: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _meant(found: Found) -> bool:
    """A value that somebody chose as a secret: no word, no placeholder, no code."""
    value = found.value.strip("*_~.,:")  # marks of Markdown and of the sentence
    if _PLACEHOLDER.search(value) or not value.isascii() or len(value) < 6:
        return False
    return _classes(value) >= 2 and any(sign.isdigit() or sign in "!@#$%^&*+?~" for sign in value)


def _random(found: Found) -> bool:
    """A value that looks drawn by lot: 8 signs or more of three kinds, hardly one of them twice."""
    value = found.value
    return _meant(found) and len(value) >= 8 and _classes(value) >= 3 and _bits(value) >= min(3.0, 0.8 * math.log2(
        len(value)))


def _of_both_cases(found: Found) -> bool:
    """Without a sign between cue and value, only what is surely no word: SHA-256 and OAuth2 are not of this form."""
    letters = [sign for sign in found.value if sign.isalpha()]
    return _random(found) and any(map(str.islower, letters)) and any(map(str.isupper, letters)) and any(
        map(str.isdigit, found.value))


def _not_for_show(found: Found) -> bool:
    return not _PLACEHOLDER.search(found.value)


def _drawn(found: Found) -> bool:
    """Not `sk-...` written out with one sign, or words after a prefix; letters drawn by lot are of both cases, or, of
    AWS's, all large ones."""
    rest = found.value[4:]
    mixed = rest.isupper() or any(map(str.isdigit, rest)) or len(re.findall("[a-z][A-Z]", rest)) >= 3
    return _not_for_show(found) and len(set(found.value)) >= 8 and mixed


_USUAL = ("strict", "default")
RULES = (
    Rule("secret", _ISSUED, _drawn, PROVEN),
    Rule("secret", _JWT, score=PROVEN),
    Rule("secret", _PEM, score=PROVEN),
    Rule("secret", _PEM_CUT, score=PROVEN),
    Rule("secret", _WEBHOOK, _not_for_show, PROVEN),
    Rule("secret", _IN_URL, score=CUED, profiles=("strict",)),
    Rule("secret", _IN_URL, _not_for_show, CUED, ("default", "technical")),
    Rule("secret", _ASSIGNED, _meant, CUED, _USUAL),
    Rule("secret", _ASSIGNED, _random, CUED, ("technical",)),
    Rule("secret", _SAID, _of_both_cases, CUED, _USUAL),
    Rule("secret", _BEARER, lambda found: _not_for_show(found) and _classes(found.value) >= 2, CUED),
)
