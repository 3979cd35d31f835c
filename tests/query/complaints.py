"""What a parser has against a text."""

from collections.abc import Callable

from chalicelib.events.query.errors import QueryError


def complaint_of(parser: Callable[[str], object], text: str) -> QueryError | None:
    """The complaint, or None if the text is understood. Whatever else is raised gets through and fails the test."""
    try:
        parser(text)
    except QueryError as error:
        return error
    return None
