"""What ends a command early, each with the exit code that a script can tell it by."""

from typing import ClassVar


class ScryError(Exception):
    """A sentence for the person at the terminal."""

    exit_code: ClassVar[int] = 2


class NotConfigured(ScryError):
    """Nobody said where to send or whom to ask."""


class Unreadable(ScryError):
    """A file is missing, is not a log, or is in an encoding that this command does not read."""


class Refused(ScryError):
    """The server answered, and the same request would be refused again."""

    exit_code = 3

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ScryError):
    """No usable answer within the time that the command was willing to wait."""

    exit_code = 3


class QueryRefused(ScryError):
    """The query does not parse; the message shows where."""
