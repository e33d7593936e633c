"""How names of topics are compared: spelling differences that do not count."""

from __future__ import annotations

import re
import unicodedata

JOINT = " + "  # between the words of an alias that must all stand in a claim, in any order

_JA = "ぁ-ゖァ-ヺー々〆㐀-䶿一-鿿가-힣"
_GAP = re.compile(rf"(?<=[{_JA}])\s+|\s+(?=[{_JA}])|[・･]")
_LONG_END = re.compile(r"(?<=[ァ-ヺ]{2})ー(?![ァ-ヺー])")
_VU = str.maketrans({"ヴ": "ブ"})
_VU_VOWEL = re.compile("ヴ([ァィェォ])")
_VU_SYLLABLES = {"ァ": "バ", "ィ": "ビ", "ェ": "ベ", "ォ": "ボ"}
_DASHES = re.compile("[\u2010-\u2015\u2212]")


def fold(text: str) -> str:
    """Return `text` as aliases are compared: width, capitals, gaps, ヴ and final ー do not count."""
    flat = _DASHES.sub("-", unicodedata.normalize("NFKC", text).casefold())
    flat = _VU_VOWEL.sub(lambda m: _VU_SYLLABLES[m[1]], flat).translate(_VU)
    return _LONG_END.sub("", _GAP.sub("", " ".join(flat.split())))


def parts_of(alias: str) -> tuple[str, ...]:
    """Return the words of an alias that must all be there: 韓国 + データセンター are two, most aliases are one."""
    return tuple(part.strip() for part in unicodedata.normalize("NFKC", alias).split(JOINT))
