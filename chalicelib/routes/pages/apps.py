"""Apps in words: what one is called on pages, and what proves that it is that one."""

from typing import Final

LONGEST: Final = 80
NAMELESS: Final = "An app without a name"


def called(name: str, host: str) -> str:
    """What an app calls itself, as far as it can be shown: no line breaks, no marks that turn text around."""
    shown = "".join(letter for letter in name if letter.isprintable()).strip()
    return shown[:LONGEST] or host or NAMELESS


def proof(kind: str, host: str) -> str:
    """Why the name can be believed; empty where it cannot."""
    if kind == "registered":
        return "known to this deployment"
    return f"proven by {host}" if kind == "document" and host else ""
