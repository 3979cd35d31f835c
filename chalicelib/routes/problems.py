"""What the exceptions of `events` are to a client."""

from typing import Final

from chalicelib.events.decode import BodyTooLarge, BodyUnreadable, MediaRefused, Rejection, TooManyEvents
from chalicelib.events.query.cursor import CursorRefused
from chalicelib.events.query.errors import QueryError
from chalicelib.events.store.allowances import AllowanceUsedUp
from chalicelib.events.store.receipt import IdempotencyConflict
from chalicelib.web.problems import Problem, Problems, Told


class NothingStored(Exception):
    """A batch arrived, and not one event of it can be used."""

    def __init__(self, rejected: list[Rejection]) -> None:
        super().__init__("Not one event of the batch can be stored; `rejected` says why, event by event.")
        self.rejected = rejected


class QueryWrong(Exception):
    """A parameter that holds a query, a time or a field is not understood."""

    def __init__(self, parameter: str, error: QueryError, offset: int = 0) -> None:
        super().__init__(error.message)
        self.parameter = parameter
        self.error = error
        self.position = max(0, error.position - offset)
        """The character of the parameter that `error` points at."""


def _position(error: BodyUnreadable) -> Told:
    return Told(error.detail, {} if error.position is None else {"position": error.position})


def _query(wrong: QueryWrong) -> Told:
    error = wrong.error
    members = {"parameter": wrong.parameter, "position": wrong.position, "length": error.length}
    return Told(_sentence(error.message), members | ({"suggestion": error.suggestion} if error.suggestion else {}))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (not text.endswith((".", "?")))


def _allowance(error: AllowanceUsedUp) -> Told:
    day = error.standing
    return Told(
        f"The project may be sent {day.allowance} events a day, and {day.used} were taken. Nothing of this batch was "
        "stored. The allowance begins again at 00:00 UTC.",
        {"allowance": day.allowance, "used": day.used, "retry_after": error.retry_after},
        {"Retry-After": str(error.retry_after)},
    )


TOO_LARGE: Final = Problem(
    413, "too-large", "The body is too large",
    lambda error: Told(_sentence(f"{error}: send fewer events at once"), {"limit": error.limit}),
)  # fmt: skip

INGEST_PROBLEMS: Final[Problems] = {
    BodyUnreadable: Problem(400, "body", "The body cannot be read", _position),
    BodyTooLarge: TOO_LARGE,
    TooManyEvents: TOO_LARGE,
    MediaRefused: Problem(
        415, "media", "The body is in no format that is read here",
        lambda error: Told(
            str(error),
            headers={"Accept-Post": "application/json, application/x-ndjson", "Accept-Encoding": "gzip, deflate, zstd"},
        ),
    ),
    AllowanceUsedUp: Problem(429, "allowance", "The day's allowance is used up", _allowance),
    NothingStored: Problem(
        400, "nothing-stored", "No event can be stored",
        lambda error: Told(str(error), {"accepted": 0, "duplicates": 0, "rejected": error.rejected}),
    ),
    IdempotencyConflict: Problem(
        422, "idempotency-key", "The idempotency key was used for another body",
        lambda _: Told("Nothing was stored. A new body needs a new `Idempotency-Key`."),
    ),
}  # fmt: skip

QUERY_PROBLEMS: Final[Problems] = {
    QueryWrong: Problem(400, "query", "The query is not understood", _query),
    CursorRefused: Problem(
        400, "cursor", "The cursor cannot be used",
        lambda _: Told("It is no cursor of this project and query. Leave `cursor` out to start again."),
    ),
}  # fmt: skip
