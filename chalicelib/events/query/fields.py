"""The fields a query may name: what each holds, its other names, and the section of a block it lives in."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from msgspec import Struct


class Kind(Enum):
    """What a field holds, which decides what may be asked of it."""

    TIME = "a time"
    LEVEL = "a level"
    WORD = "one of a few words"
    TEXT = "text"
    METADATA = "anything JSON holds"


class Section(Enum):
    """The part of a block that answers for a field, cheapest first (storage.md: A, M and K)."""

    CODES = "A"
    MESSAGES = "M"
    DETAIL = "K"


class Field(Struct, frozen=True):
    name: str
    kind: Kind
    section: Section
    aliases: tuple[str, ...] = ()


FIELDS: Final = (
    Field("timestamp", Kind.TIME, Section.CODES, ("ts", "time")),
    Field("level", Kind.LEVEL, Section.CODES),
    Field("type", Kind.WORD, Section.CODES),
    Field("service", Kind.WORD, Section.CODES),
    Field("environment", Kind.WORD, Section.CODES, ("env",)),
    Field("device_type", Kind.WORD, Section.CODES),
    Field("message", Kind.TEXT, Section.MESSAGES, ("msg",)),
    Field("user_id", Kind.TEXT, Section.DETAIL, ("user",)),
    Field("session_id", Kind.TEXT, Section.DETAIL, ("session",)),
    Field("device_id", Kind.TEXT, Section.DETAIL, ("device",)),
    Field("trace_id", Kind.TEXT, Section.DETAIL, ("trace",)),
    Field("span_id", Kind.TEXT, Section.DETAIL, ("span",)),
)

METADATA_PREFIX: Final = "metadata."

LEVEL_ALIASES: Final = {"warning": "warn", "err": "error", "critical": "fatal"}
"""What people write for a level and clearly mean."""

_BY_NAME: Final = {name: field for field in FIELDS for name in (field.name, *field.aliases)}


def field_named(name: str) -> Field | None:
    """The field behind a name, an alias or a metadata path, or None.

    Case does not matter, except in the keys of a metadata path.
    """
    head, dot, path = name.partition(".")
    if dot and path and head.lower() in ("metadata", "meta"):
        return Field(METADATA_PREFIX + path, Kind.METADATA, Section.DETAIL)
    return _BY_NAME.get(name.lower())


def section_of(name: str) -> Section:
    """The section that holds the field with this canonical name."""
    return Section.DETAIL if name.startswith(METADATA_PREFIX) else _BY_NAME[name].section


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None if none is near."""
    import difflib  # 1 ms of a cold start, for those alone who mistype

    near = difflib.get_close_matches(word[:64].lower(), list(known), n=1, cutoff=0.7)
    return near[0] if near else None


def suggested_name(name: str) -> str | None:
    """What somebody who wrote this unknown field name probably meant: a known field, else a key of metadata."""
    near = closest(name, _BY_NAME)
    if near is not None:
        return near
    return METADATA_PREFIX + name if name[:1].isalpha() else None
