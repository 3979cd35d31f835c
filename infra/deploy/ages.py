"""What grows old while nobody looks, and is said on each deployment: the secret, and the versions of what ships."""

import datetime as dt
import re
from typing import Final

from infra.deploy.bundle import PINS

SECRET_DAYS: Final = 365
"""After so many days the secret is due to be rotated (docs/deploy.md)."""

PINS_DAYS: Final = 30
"""After so many days somebody has to look for newer versions (SECURITY.md)."""

_LOOKED: Final = re.compile(r"^# Looked through on (\d{4}-\d{2}-\d{2})", re.MULTILINE)


def said(*, secret: dt.date, pins: dt.date, today: dt.date) -> list[str]:
    """A sentence for each thing that is due. The dates are when it was last changed, and looked through."""
    notices = []
    if (old := (today - secret).days) > SECRET_DAYS:
        notices.append(f"The secret is {old} days old, and is to be rotated every {SECRET_DAYS} (docs/deploy.md).")
    if (old := (today - pins).days) > PINS_DAYS:
        notices.append(f"Nobody has looked for newer versions of what ships for {old} days: `make upgrade`.")
    return notices


def looked_through(text: str) -> dt.date:
    """When somebody last looked for newer versions, as the pins say."""
    found = _LOOKED.search(text)
    assert found is not None, "the pins say when they were looked through"
    return dt.date.fromisoformat(found[1])


def looked_through_on(text: str, day: dt.date) -> str:
    """The pins with another date."""
    return _LOOKED.sub(f"# Looked through on {day}", text)


def of_pins() -> dt.date:
    return looked_through(PINS.read_text())
