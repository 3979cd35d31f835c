"""Names that people give to things: shown as they were written, so nothing in them may pretend or break a line."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 100

_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls, invisible and direction marks, halves of characters, line and paragraph ends."""

_JOINERS: Final = frozenset("\u200c\u200d")
"""Invisible, and a part of many emoji and of several scripts."""


class NameRefused(ValueError):
    """A text cannot be a name."""

    def __init__(self, what: str, longest: int = LONGEST) -> None:
        super().__init__(f"{what} needs 1 to {longest} characters on one line, none of them invisible")
        self.what = what


def checked_name(text: str, what: str = "a name", *, longest: int = LONGEST) -> str:
    """The text in NFC, with single spaces. Raises `NameRefused`."""
    name = re.sub(" +", " ", unicodedata.normalize("NFC", text)).strip(" ")
    if not 1 <= len(name) <= longest:
        raise NameRefused(what, longest)
    if any(unicodedata.category(each) in _REFUSED and each not in _JOINERS for each in name):
        raise NameRefused(what, longest)
    return name
