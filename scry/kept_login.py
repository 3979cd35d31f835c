"""What `scry login` keeps: tokens for one project, in a file that only its owner may read, renewed by one at a time.

access token    works for 59 minutes, then the server says 401
refresh token   works once: two commands that used the same one would end the connection, so whoever renews
                holds a lock, and reads the file again before
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from scry.errors import NotConfigured, Refused, Unreachable
from scry.terminal import harmless
from scry.transport import Answer, Connection, NoAnswer

CLIENT: Final = "scry"
"""The command line, as every server knows it."""

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """Where somebody logged in, for which project, and the tokens that came of it."""

    url: str
    org: str
    project: str
    access_token: str
    refresh_token: str

    def __repr__(self) -> str:
        return f"KeptLogin({self.url}, {self.org}/{self.project})"


def place(environment: Mapping[str, str]) -> Path:
    """The file, by the XDG base directory specification."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "scry" / "login.json"


def read(path: Path) -> KeptLogin | None:
    """What the file says; None where there is none. Raises `NotConfigured` for one that says nothing usable."""
    try:
        return KeptLogin(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise NotConfigured(f"{path} cannot be used ({type(error).__name__}): run scry login again") from error


def write(path: Path, login: KeptLogin) -> None:
    """Replaces the file, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # which only its owner may read
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(login), file)
    Path(name).replace(path)


def renewed(path: Path, connection: Connection, *, stale: str) -> str:
    """An access token that is another than the stale one. Raises `NotConfigured`, `Refused` and `Unreachable`."""
    with _alone(path):
        login = read(path)
        if login is None:
            raise NotConfigured("You logged out meanwhile: run scry login again.")
        if login.access_token != stale:
            return login.access_token
        said = tokens(connection, {"grant_type": "refresh_token", "refresh_token": login.refresh_token})
        fresh = KeptLogin(login.url, login.org, login.project, said["access_token"], said["refresh_token"])
        write(path, fresh)
        return fresh.access_token


def tokens(connection: Connection, form: Mapping[str, str]) -> dict[str, str]:
    """What the token endpoint gives for a code or a refresh token, asked once: neither works twice.

    Raises `Refused` and `Unreachable`.
    """
    said = _posted(connection, "/oauth/token", form).object() or {}
    found = {name: said.get(name) for name in ("access_token", "refresh_token")}
    if not all(isinstance(token, str) for token in found.values()):
        why = harmless(str(said.get("error_description") or said.get("error") or "no tokens in the answer"))
        raise Refused(f"The server refused the login: {why}. Run scry login again.", status=400)
    return {name: str(token) for name, token in found.items()}


def ended(path: Path, connection: Connection, login: KeptLogin) -> None:
    """Ends the connection at the server, then forgets it here. Raises `Unreachable`."""
    with _alone(path):
        _posted(connection, "/oauth/revoke", {"token": (read(path) or login).refresh_token})
        path.unlink(missing_ok=True)


def _posted(connection: Connection, path: str, form: Mapping[str, str]) -> Answer:
    body = urlencode({**form, "client_id": CLIENT}).encode()
    try:
        answer = connection.request("POST", path, key="", headers=FORM, body=body)
    except NoAnswer as error:
        raise Unreachable(f"No answer from {path} ({error}). Try again; if that is refused, run scry login.") from error
    if answer.status >= 500 or answer.status == 429:
        raise Unreachable(f"The server answered {answer.status}. Try again later.")
    return answer


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
