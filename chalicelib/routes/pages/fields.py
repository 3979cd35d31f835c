"""What people typed, and how it comes back to them: the fields that forms have in common, refusals next to each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.routes.account_shapes import Code, Name, Token
from chalicelib.routes.pages.views.forms import Form
from chalicelib.web.bodies import Secret
from chalicelib.web.problems import FormWrong
from chalicelib.web.routing import NoFields as Nothing

Email = Annotated[str, Meta(min_length=1, max_length=254)]
Slug = Annotated[str, Meta(min_length=1, max_length=40)]
Path = Annotated[str, Meta(max_length=10_240)]
"""With its query: what an assistant asks for is long, and must come through a sign-in whole."""

WHOLE: Final = ""
"""In place of a field: what concerns the form as a whole."""

SECRETS: Final = frozenset({"password", "current_password", "code"})

__all__ = ["Code", "Email", "Name", "Nothing", "Path", "Secret", "Slug", "Token", "again", "beside"]


@contextmanager
def beside(given: Struct, fields: Mapping[type[Exception], str]) -> Iterator[None]:
    """Turns what goes wrong inside into sentences next to the fields that they are about."""
    try:
        yield
    except tuple(fields) as refusal:
        field = next(fields[kind] for kind in type(refusal).__mro__ if kind in fields)
        raise FormWrong({field: sentence(str(refusal))}, typed(given)) from refusal


def again(wrong: FormWrong) -> Form:
    """The form as it was sent, without what nobody may see again, with what is to be mended."""
    errors = {name: text for name, text in wrong.errors.items() if name != WHOLE}
    values = {name: value for name, value in wrong.given.items() if name not in SECRETS}
    return Form(values=values, errors=errors, message=wrong.errors.get(WHOLE, ""))


def typed(given: Struct) -> dict[str, str]:
    """What the form holds, as text, without secrets."""
    values = {name: getattr(given, name) for name in given.__struct_fields__ if name not in SECRETS}
    return {name: str(value) for name, value in values.items() if value is not None}


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (not text.endswith((".", "?")))
