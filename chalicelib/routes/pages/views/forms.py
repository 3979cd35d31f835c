"""A form as it is shown: empty, or again with what was typed and a sentence at each field to mend."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

Choice = tuple[str, str, str]
"""A value, its words, and what choosing it means."""

Option = tuple[str, str]
"""A value and its words."""


class Form(Struct, frozen=True, kw_only=True):
    """Values and errors by the names of fields. Passwords are never among the values."""

    values: Mapping[str, str] = {}
    errors: Mapping[str, str] = {}
    message: str = ""
    """What concerns the form as a whole."""
    wrong: bool = True
    """Whether the message tells of a failure."""


BLANK: Final = Form()


def saved(message: str) -> Form:
    """Says that something was done."""
    return Form(message=message, wrong=False)
