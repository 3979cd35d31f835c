"""What a client says of itself (RFC 7591, section 2), read: from a registration, or from a document that it keeps.

Only what is named here means something; all else is ignored. Nothing of it proves anything.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.oauth import redirects
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.redirects import RedirectRefused
from chalicelib.outside import fetch
from chalicelib.outside.fetch import FetchRefused

AuthMethod = Literal["none", "private_key_jwt"]

AUTH_METHODS: Final[Mapping[str, AuthMethod]] = {"none": "none", "private_key_jwt": "private_key_jwt"}
"""How a client may prove itself at the token endpoint. Nobody is given a secret here."""

GRANT_TYPES: Final = ("authorization_code", "refresh_token")
"""What every client may use, whatever it asked for (RFC 7591, section 3.2.1: the server may substitute)."""

MOST_REDIRECTS: Final = 10
LONGEST_NAME: Final = 100
LONGEST_KEYS: Final = 16 * 1024
MOST_KEYS: Final = 10

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that no one else may know (RFC 7518, section 6)."""

_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls, invisible and direction marks, halves of characters, line and paragraph ends."""


class Metadata(Struct, frozen=True, kw_only=True):
    """A client's own words, as far as they can be used."""

    name: str
    """Shown to people; empty if none was given."""
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod = "none"
    jwks_uri: str | None = None
    jwks: str | None = None
    """Public keys as JSON (RFC 7517). One of the two, where the method needs keys."""


def checked(given: Mapping[str, Any]) -> Metadata:
    """The metadata, if a client may have it. Raises `OAuthError` with the codes of RFC 7591, section 3.2.2."""
    method = AUTH_METHODS.get(_text(given, "token_endpoint_auth_method") or "none")
    if method is None:
        raise _wrong(f"`token_endpoint_auth_method` is one of {', '.join(AUTH_METHODS)}")
    _check_use(given)
    keys = _keys(given) if method == "private_key_jwt" else {}
    name = clean_name(_text(given, "client_name") or "")
    return Metadata(name=name, redirect_uris=_redirect_uris(given), auth_method=method, **keys)


def keys_in(document: bytes | str) -> list[dict[str, Any]]:
    """The keys of a JWK set. Raises `ValueError` where it is none, or where it tells what only its owner may know."""
    try:
        found = msgspec.json.decode(document, type=_KeySet).keys
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise ValueError("it is no JWK set") from wrong
    if len(found) > MOST_KEYS:
        raise ValueError(f"it has more than {MOST_KEYS} keys")
    if any(_PRIVATE & key.keys() for key in found):
        raise ValueError("it has a private key in it: change that key at once")
    return found


def clean_name(text: str) -> str:
    """The text on one line, without what cannot be seen. Raises `OAuthError` where it is longer than names are."""
    seen = "".join(" " if each.isspace() else each for each in unicodedata.normalize("NFC", text))
    name = re.sub(" +", " ", "".join(each for each in seen if unicodedata.category(each) not in _UNSHOWN)).strip()
    if len(name) > LONGEST_NAME:
        raise _wrong(f"`client_name` has at most {LONGEST_NAME} characters")
    return name


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


def _redirect_uris(given: Mapping[str, Any]) -> tuple[str, ...]:
    uris = given.get("redirect_uris")
    if not isinstance(uris, list) or not all(isinstance(each, str) for each in uris):
        raise OAuthError("invalid_redirect_uri", "`redirect_uris` is missing: a list of the addresses for answers")
    if not 1 <= len(uris) <= MOST_REDIRECTS:
        raise OAuthError("invalid_redirect_uri", f"`redirect_uris` has 1 to {MOST_REDIRECTS} addresses")
    for uri in uris:
        try:
            redirects.check_registrable(uri)
        except RedirectRefused as refused:
            raise OAuthError("invalid_redirect_uri", str(refused)) from refused
    return tuple(dict.fromkeys(uris))


def _check_use(given: Mapping[str, Any]) -> None:
    """A client that wants none of what is offered here had better know."""
    for name, offered in (("grant_types", "authorization_code"), ("response_types", "code")):
        wanted = given.get(name)
        if wanted is not None and (not isinstance(wanted, list) or offered not in wanted):
            raise _wrong(f"`{name}` has `{offered}` in it: nothing else is offered to begin with")


def _keys(given: Mapping[str, Any]) -> dict[str, str]:
    uri, own = _text(given, "jwks_uri"), given.get("jwks")
    if (uri is None) == (own is None):
        raise _wrong("`private_key_jwt` needs either `jwks_uri` or `jwks`")
    try:
        if uri is not None:
            fetch.checked_url(uri)
            return {"jwks_uri": uri}
        text = msgspec.json.encode(own).decode()
        if len(text) > LONGEST_KEYS:
            raise ValueError(f"it has more than {LONGEST_KEYS} characters")
        if not keys_in(text):
            raise ValueError("it has no key")
        return {"jwks": text}
    except (FetchRefused, ValueError) as refused:
        raise _wrong(f"`{'jwks_uri' if uri else 'jwks'}` cannot be used: {refused}") from refused


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"`{name}` is text")
    return value or None


def _wrong(description: str) -> OAuthError:
    return OAuthError("invalid_client_metadata", description)
