"""Ann, who has an account, and what tests do as her and against her."""

import re
from collections.abc import Callable
from typing import Any

from argon2 import low_level

from chalicelib.identity import sign_in, sign_up
from chalicelib.identity.sessions import Visitor
from chalicelib.identity.sign_in import Attempt, SignedIn
from chalicelib.identity.sign_up import Registered, Wanted
from chalicelib.storage import outbox

NOW = 1_790_000_000
"""2026-09-21T14:13:20Z."""

EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple battery horse"

HOME = Visitor(source="192.0.2.7", agent="A browser")
"""Where Ann is. Nobody knows the browser yet."""


def stranger(number: int) -> Visitor:
    """Somebody else, each with an address of their own."""
    return Visitor(source=f"198.51.{number // 256}.{number % 256}", agent="Another browser")


def wanted(email: str = EMAIL, password: str = PASSWORD) -> Wanted:
    return Wanted(email, password, "Ann", "Acme Ltd")


def ann(now: int = NOW) -> Registered:
    """Ann's account, made where no mail is sent."""
    made = sign_up.register(wanted(), HOME, now=now)
    assert made is not None
    return made


def enter(
    *, email: str = EMAIL, password: str = PASSWORD, visitor: Visitor = HOME, now: int = NOW, **more: Any
) -> SignedIn:
    return sign_in.sign_in(Attempt(email=email, password=password, visitor=visitor), now=now, **more)


def letter() -> outbox.Kept:
    """The newest one."""
    return outbox.letters()[0]


def token_in(text: str) -> str:
    found = re.search(r"\?token=(\S+)", text)
    assert found is not None, "the letter has a link"
    return found[1]


class Argon2:
    """What the library was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def counting(self, kind: str) -> Callable[..., Any]:
        real = getattr(low_level, f"{kind}_secret")

        def counted(*given: Any, **named: Any) -> Any:
            self.calls.append(kind)
            return real(*given, **named)

        return counted
