"""Street addresses: Chinese ones from the province down to the door, English ones from the house number up.

Only what leads to a door is one: 北京市朝阳区 and "Springfield, IL" are places that many share.
"""

from __future__ import annotations

import re

from curate.pii.kinds import CUED
from curate.pii.rules import HAN, R, Rule

# GB/T 2260: the divisions of the first level.
_PROVINCES = (
    "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 "
    "贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门"
).split()
_FIRST = rf"(?:{'|'.join(_PROVINCES)})(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?"
_COUNT = r"(?:\d{1,5}|[A-Za-z]\d{0,3}|[一二三四五六七八九十百零甲乙丙丁]{1,4})"
_HOUSE = rf"{_COUNT}(?:[-－]\d{{1,4}}){{0,3}}(?:号院|号楼|号|弄|座|栋|幢|单元|室)"
_ESTATE = rf"(?:{HAN}{{2,8}}?(?:小区|花园|苑|大厦|公寓|广场|中心))"
_REST = rf"(?:[，, ]?{_HOUSE}|{_ESTATE}{_HOUSE}|\d{{3,4}}(?:室|房)?(?!\d)){{0,6}}"
_DOOR = re.compile(rf"(?:大道|大街|路|街|道|巷|弄|胡同|里|村|屯|组|苑|园|小区|花园|广场|大厦|公寓){_HOUSE}{_REST}")

_LONGEST = 40  # signs before the road's last one; the longest official names of divisions and a road stay below
_RUN = re.compile(rf"(?:{HAN}|\d)+\Z")
_DIVISION = "市|州|盟|地区|区|县|旗|镇|乡|街道|开发区|园区"
# Words before an address that are no part of it.
_NO_PLACE = "的了在到往至于住从向是为把将被我你他她它们这那和与及或等去来寄送搬位租达交"
_BEGINS = re.compile(rf"{_FIRST}|(?:(?![{_NO_PLACE}]){HAN}){{1,8}}?(?:{_DIVISION})")
_CUE = re.compile(r"(?:地址|住址|住在|家住|位于|送到|寄到|寄往)(?:是|为)?")


def _beginning(text: str, road: int) -> int | None:
    """Where the address begins whose road ends at `road`: at its province, city or district, or after a cue.

    Read from the door backwards: forwards, every sign of a Chinese text could begin one.
    """
    run = _RUN.search(text, max(0, road - _LONGEST), road)
    if run is None:
        return None
    begun = _BEGINS.search(text, run.start(), road)
    if begun is not None:
        return begun.start()
    cue = _CUE.search(text, max(0, run.start() - 6), road)
    after = max(cue.end(), run.start()) if cue else road
    return after if road - after >= 1 else None


CHINESE = (
    Rule("address", _DOOR, score=CUED, begins=_beginning),
    Rule(
        "address",
        re.compile(rf"(?:{_FIRST})(?:{HAN}{{1,8}}?(?:市|州|盟|地区))?{HAN}{{1,7}}?(?:区|县|旗|市|镇|乡|街道)"),
        profiles=("strict",),
    ),
)

# USPS Publication 28, appendix C1: the suffixes of streets.
_SUFFIXES = (
    "Alley Avenue Bayou Beach Bend Bluff Bottom Boulevard Branch Bridge Brook Burg Bypass Camp Canyon Cape Causeway "
    "Center Centre Circle Cliff Club Common Corner Course Court Cove Creek Crescent Crest Crossing Crossroad Curve "
    "Dale Dam Divide Drive Estate Expressway Extension Fall Ferry Field Flat Ford Forest Forge Fork Fort Freeway "
    "Garden Gateway Glen Green Grove Harbor Haven Heights Highway Hill Hollow Inlet Island Isle Junction "
    "Key Knoll Lake Land Landing Lane Light Loaf Lock Lodge Loop Mall Manor Meadow Mews Mill Mission "
    "Motorway Mount Mountain Neck Orchard Oval Overpass Park Parkway Pass Passage Path Pike Pine Place Plain "
    "Plaza Point Port Prairie Radial Ramp Ranch Rapid Rest Ridge River Road Route Row Rue Run Shoal Shore "
    "Skyway Spring Spur Square Station Stravenue Stream Street Summit Terrace Throughway Trace Track Trafficway "
    "Trail Trailer Tunnel Turnpike Underpass Union Valley Viaduct View Village Ville Vista Walk Way Wells?"
).split()
_SHORT = "Ave Blvd Cir Ct Dr Hwy Ln Pkwy Pl Rd Sq St Ter Trl Crt Cres".split()
_WORD = r"[A-Z][A-Za-z.'’-]{0,20}"
_STREET = rf"(?:{_WORD} ){{1,4}}(?:(?:{'|'.join(_SUFFIXES)})s?|(?:{'|'.join(_SHORT)})\b\.?)(?![a-z])"
_UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Floor|Fl|#)\.? ?#?[0-9A-Z-]{1,6})?"
_TOWN = rf"(?:,? ?(?:{_WORD}[ ,]{{1,2}}){{1,4}}(?:[A-Z]{{2}}|{_WORD}),? \d{{5}}(?:-\d{{4}})?)"
_UK = rf"(?:,? (?:{_WORD},? ){{1,3}}[A-Z]{{1,2}}\d[0-9A-Z]? ?\d[A-Z]{{2}})"
_BEGIN = r"(?<![0-9A-Za-z$€£.,#/-])"
_DOOR_AND_STREET = rf"{_BEGIN}\d{{1,6}}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?{_STREET}{_UNIT}"
ENGLISH = (
    Rule("address", re.compile(rf"{_DOOR_AND_STREET}(?:{_TOWN}|{_UK})?{R}"), profiles=("strict", "default")),
    # In manuals a number before a capitalised word is a count: only with a town and its code.
    Rule("address", re.compile(rf"{_DOOR_AND_STREET}(?:{_TOWN}|{_UK}){R}"), score=CUED, profiles=("technical",)),
    Rule("address", re.compile(rf"{_BEGIN}(?:(?:PSC|Unit|UNIT) \d{{1,5}},? Box \d{{1,5}}|US[NC][A-Z]{{0,3}} {_WORD}),? "
                               r"[AFD]PO A[AEP] \d{5}(?:-\d{4})?"), score=CUED),
    Rule("address", re.compile(r"(?:P\. ?O\. ?|PO |Post Office )Box \d{1,6}" + rf"{_TOWN}?"), score=CUED),
)
RULES = (*CHINESE, *ENGLISH)
