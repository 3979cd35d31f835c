"""Where to send, whom to ask and with which key: one source at a time, never mixed.

An address from one place and a key from another would hand a key to a stranger, so the environment, a named ready
file and the ready file beside `make run` are alternatives, in this order:

    --ready FILE   >   SCRY_URL with SCRY_KEY / SCRY_QUERY_KEY   >   ./.local/ready.json   >   scry login
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from scry import kept_login
from scry.errors import NotConfigured

READY: Final = Path(".local/ready.json")
"""What `make run` writes when it serves."""

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

HOW: Final = """\
Nothing says where to send. Either
  - run this beside `make run`, which writes .local/ready.json, or name that file: scry --ready FILE …
  - or set SCRY_URL, and SCRY_KEY (an ingest key) to send,
    or SCRY_QUERY_KEY, SCRY_ORG and SCRY_PROJECT to ask
  - or, to ask, log in: scry login URL --org ORG --project PROJECT"""


@dataclass(frozen=True, slots=True)
class Configuration:
    """An address and what is known of keys and project; `""` for what is not. `source` names where it came from."""

    url: str
    source: str
    ingest_key: str = ""
    query_key: str = ""
    org: str = ""
    project: str = ""
    login: Path | None = None
    """The file of a login, whose access token the query key is."""

    def needed(self, name: str, variable: str) -> str:
        """The value of that field, or `NotConfigured` with the name of what is missing."""
        value: str = getattr(self, name)
        if not value:
            raise NotConfigured(f"{self.source} gives no {name.replace('_', ' ')} (set {variable}, with SCRY_URL)")
        return value

    @property
    def unencrypted(self) -> bool:
        """Whether the key would cross a network in the clear."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in LOOPBACK


def configuration(
    environment: Mapping[str, str], *, ready: Path | None = None, org: str | None = None, project: str | None = None
) -> Configuration:
    """The configuration from the first source there is; `org` and `project` override what it says.

    Raises `NotConfigured` if there is none, or if the one there is cannot be used.
    """
    login = kept_login.place(environment)
    values, source = _source(environment, ready, login)
    text = {name: value for name, value in values.items() if isinstance(value, str)}
    return Configuration(
        url=checked_url(text.get("url", ""), source),
        source=source,
        ingest_key=_key(text, "ingest_key", source),
        query_key=_key(text, "query_key", source),
        org=org or text.get("org", ""),
        project=project or text.get("project", ""),
        login=login if source == str(login) else None,
    )


def checked_url(text: str, source: str) -> str:
    """The address as it is used. Raises `NotConfigured` for one that leads nowhere."""
    url = text.strip().rstrip("/")
    if _parts(url) is None:
        raise NotConfigured(f"{source} gives no usable URL: {url!r} (like https://logs.example.com)")
    return url


def _source(environment: Mapping[str, str], ready: Path | None, login: Path) -> tuple[Mapping[str, Any], str]:
    if ready is not None:
        return _ready_file(ready), str(ready)
    if environment.get("SCRY_URL"):
        return _variables(environment), "the environment"
    for variable in ("SCRY_KEY", "SCRY_QUERY_KEY"):
        if environment.get(variable):
            raise NotConfigured(f"{variable} is set but SCRY_URL is not: a key goes only where it is said to go.")
    if READY.is_file():
        return _ready_file(READY), str(READY)
    kept = kept_login.read(login)
    if kept is not None:
        return {"url": kept.url, "query_key": kept.access_token, "org": kept.org, "project": kept.project}, str(login)
    raise NotConfigured(HOW)


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    names = {
        "url": "SCRY_URL",
        "ingest_key": "SCRY_KEY",
        "query_key": "SCRY_QUERY_KEY",
        "org": "SCRY_ORG",
        "project": "SCRY_PROJECT",
    }
    return {name: environment.get(variable, "") for name, variable in names.items()}


def _ready_file(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise NotConfigured(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise NotConfigured(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise NotConfigured(f"{path} is not a JSON object")
    return found


def _key(values: Mapping[str, str], name: str, source: str) -> str:
    key = values.get(name, "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise NotConfigured(f"The {name.replace('_', ' ')} from {source} has characters that no key has.")
    return key


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
