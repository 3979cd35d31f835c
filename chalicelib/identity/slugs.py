"""Slugs: the names of organisations and projects in URLs."""

import re
from typing import Final

SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class SlugRefused(ValueError):
    """A text cannot be a slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"{slug!r} cannot be a slug: 1 to 40 of a-z, 0-9 and dashes, no dash at either end")


class SlugTaken(Exception):
    """Somebody has the slug, or had it: slugs are never given twice."""

    def __init__(self, kind: str, slug: str) -> None:
        super().__init__(f"the {kind} slug {slug!r} is taken")
        self.kind = kind
        self.slug = slug


def checked_slug(text: str) -> str:
    """The text, if it can be a slug. Raises `SlugRefused`."""
    if not SLUG.fullmatch(text):
        raise SlugRefused(text)
    return text
