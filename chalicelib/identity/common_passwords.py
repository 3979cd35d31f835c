"""The passwords that attackers try first, known offline: 32 bits of the digest of each (`infra.common_passwords`)."""

import sys
import unicodedata
from array import array
from bisect import bisect_left
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("data") / "common_passwords.bin"


def is_common(password: str) -> bool:
    """Whether the password is on the list, however it is written in upper and lower case."""
    wanted, known = fingerprint(password), _known()
    place = bisect_left(known, wanted)
    return place < len(known) and known[place] == wanted


def fingerprint(password: str) -> int:
    folded = unicodedata.normalize("NFC", password).casefold()
    return int.from_bytes(sha256(folded.encode("utf-8", "surrogatepass")).digest()[:4], "big")


@cache
def _known() -> "array[int]":
    fingerprints = array("I", LIST.read_bytes())
    if sys.byteorder == "little":
        fingerprints.byteswap()
    return fingerprints
