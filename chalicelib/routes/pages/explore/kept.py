"""What the explorer was asked, as a saved view keeps it: the query part of its address, in one way to write it.

It is read as the explorer reads an address, and kept only where all of it is understood. Where somebody was in the
answer (its page, the open row, what was offered for copying) is no part of the question.
"""

from typing import Final
from urllib.parse import parse_qsl

from msgspec.structs import replace

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.language import parse
from chalicelib.identity.views import LONGEST_STATE
from chalicelib.routes.pages.explore.asked import PRESETS, USUAL, Asked, link, within_of
from chalicelib.routes.pages.explore.columns import columns_in
from chalicelib.routes.pages.explore.wording import cut, many, visible
from chalicelib.routes.problems import QueryWrong
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request

MOST_PARAMETERS: Final = 30
LONGEST_SHOWN: Final = 120


class StateRefused(ValueError):
    """The explorer would not understand it, or it is too long to be kept. The text says why, in a sentence."""


def state_of(asked: Asked) -> str:
    """The question alone. The usual stretch of time is named, so that it stays what it was."""
    named = asked.since.strip().lower(), asked.start.strip(), asked.end.strip()
    since, start, end = named if any(named) else (USUAL, "", "")
    columns, _ = columns_in(asked.columns)
    return link(
        Asked(q=asked.q.strip(), since=since, start=start, end=end, columns=",".join(columns), order=asked.order)
    )


def read_state(text: str, request: Request) -> str:
    """The state that the query part of an address stands for. Raises `StateRefused`."""
    asked = asked_by(text, request)
    check_question(asked, request)
    state = state_of(asked)
    if len(state) > LONGEST_STATE:
        raise StateRefused(f"At most {LONGEST_STATE:,} characters of an address are kept, and this has {len(state):,}.")
    return state


def asked_by(text: str, request: Request) -> Asked:
    """The parameters that stand in the query part of an address. Raises `StateRefused`."""
    try:
        pairs = parse_qsl(
            text.removeprefix("?"), keep_blank_values=True, strict_parsing=text not in ("", "?"), errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )  # fmt: skip
    except ValueError as error:
        raise StateRefused("It is not what stands behind the `?` of the explorer’s address.") from error
    names = [name for name, _ in pairs]
    repeated = frozenset(name for name in names if names.count(name) > 1)
    try:
        return parameters(replace(request, query=dict(pairs), repeated=repeated), Asked)
    except ParameterWrong as wrong:
        raise StateRefused(str(wrong)) from wrong


def check_question(asked: Asked, request: Request) -> None:
    """Raises `StateRefused` unless query, range and columns are understood."""
    _, complaint = columns_in(asked.columns)
    if complaint:
        raise StateRefused(complaint)
    try:
        parse(asked.q)
        within_of(asked, request)
    except (QueryError, QueryWrong) as wrong:
        text = str(wrong.error if isinstance(wrong, QueryWrong) else wrong)
        raise StateRefused(f"{text[:1].upper()}{text[1:]}.") from wrong


def in_words(asked: Asked) -> tuple[str, str]:
    """The query, and beside it what else is asked: `level>=error`, `last 24 hours, 2 columns, oldest first`."""
    words = [_range_in_words(asked)]
    if asked.columns:
        words.append(many(len(columns_in(asked.columns)[0]), "column"))
    if asked.order == "asc":
        words.append("oldest first")
    return visible(cut(asked.q, LONGEST_SHOWN)), visible(", ".join(words))


def _range_in_words(asked: Asked) -> str:
    if asked.start or asked.end:
        return " ".join(filter(None, (asked.start and f"from {asked.start}", asked.end and f"to {asked.end}")))
    since = asked.since or USUAL
    return f"last {dict(PRESETS).get(since, since)}"
