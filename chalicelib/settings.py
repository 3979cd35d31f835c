"""The environment, read once into one frozen value; every problem in it is named at once."""

import re
from collections.abc import Mapping
from functools import cache
from os import environ
from typing import Final
from urllib.parse import urlsplit

import msgspec

SECRET_BYTES: Final = 32


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment decides. `docs/settings.md` describes each; a test compares the two."""

    stage: str
    region: str
    dynamodb_endpoint: str | None
    secrets: tuple[bytes, ...]
    """Signing keys, the first signs, all verify: rotating means putting a new one in front."""
    url: str
    retention_days: int
    plan: str
    """What new organisations get: `own` (these settings, and no allowance), `free` or `pro`."""
    mail: str
    """How mail leaves: `ses`, `outbox` (kept and shown by the product, for a laptop) or `none`."""
    mail_from: str
    sign_up: str
    """Who may make an account: `open`, `first` (until there is one) or `closed`."""
    mcp_origins: frozenset[str]
    """Origins whose pages may call `/mcp`, as browsers write them."""
    refresh_replay_seconds: int
    """How long a refresh token that was just used gives the same successor once more; 0 is never."""
    advertise_iss: bool
    """Whether the metadata says that answers name their issuer (RFC 9207). They do in any case."""
    version: str
    """What the status page calls this deployment; empty for the package's own version."""
    security_contact: str
    """Where holes are told about: an `https:` or `mailto:` address, or empty."""

    @property
    def table_prefix(self) -> str:
        return f"scrywatch-{self.stage}-"


class SettingsWrong(Exception):
    """The environment cannot be used. `problems` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the settings cannot be used: " + "; ".join(problems))
        self.problems = problems


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Reads the `SCRY_…` variables. Raises `SettingsWrong`, naming every variable that must be mended."""
    problems: list[str] = []
    settings = Settings(
        stage=_stage(environment.get("SCRY_STAGE", "dev"), problems),
        region=environment.get("SCRY_REGION") or environment.get("AWS_REGION") or "us-east-1",
        dynamodb_endpoint=_endpoint(environment.get("SCRY_DYNAMODB_ENDPOINT", ""), problems),
        secrets=_secrets(environment.get("SCRY_SECRETS", ""), problems),
        url=_url(environment.get("SCRY_URL", "http://127.0.0.1:8000"), problems),
        retention_days=_days(environment.get("SCRY_RETENTION_DAYS", "30"), problems),
        plan=_one_of("SCRY_PLAN", environment.get("SCRY_PLAN", "own"), ("own", "free", "pro"), problems),
        mail=_one_of("SCRY_MAIL", environment.get("SCRY_MAIL", "none"), ("none", "outbox", "ses"), problems),
        mail_from=environment.get("SCRY_MAIL_FROM", ""),
        sign_up=_one_of("SCRY_SIGN_UP", environment.get("SCRY_SIGN_UP", "open"), ("open", "first", "closed"), problems),
        mcp_origins=_origins(environment.get("SCRY_MCP_ORIGINS", ""), problems),
        refresh_replay_seconds=_replay_seconds(environment.get("SCRY_REFRESH_REPLAY_SECONDS", "0"), problems),
        advertise_iss=_one_of(
            "SCRY_ADVERTISE_ISS", environment.get("SCRY_ADVERTISE_ISS", "yes"), ("yes", "no"), problems
        )
        == "yes",
        version=_version(environment.get("SCRY_VERSION", ""), problems),
        security_contact=_contact(environment.get("SCRY_SECURITY_CONTACT", ""), problems),
    )
    if settings.mail == "ses" and "@" not in settings.mail_from:
        problems.append("SCRY_MAIL_FROM must be the address that mail comes from, since SCRY_MAIL is ses")
    if problems:
        raise SettingsWrong(problems)
    return settings


@cache
def current() -> Settings:
    """The settings of this process."""
    return from_environment(environ)


def _stage(value: str, problems: list[str]) -> str:
    if not (1 <= len(value) <= 20 and value.isascii() and value.replace("-", "").isalnum()):
        problems.append(f"SCRY_STAGE must be 1 to 20 letters, digits and dashes, not {value!r}")
    return value


def _endpoint(value: str, problems: list[str]) -> str | None:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        problems.append(f"SCRY_DYNAMODB_ENDPOINT must be an http or https URL, not {value!r}")
    return value.rstrip("/") or None


def _url(value: str, problems: list[str]) -> str:
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
        problems.append(f"SCRY_URL must be the http or https URL that people open, not {value!r}")
    return value.rstrip("/")


def _secrets(value: str, problems: list[str]) -> tuple[bytes, ...]:
    secrets: list[bytes] = []
    for number, text in enumerate(filter(None, value.split(",")), start=1):
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""
        if len(secret) < SECRET_BYTES:
            problems.append(f"SCRY_SECRETS: key {number} must be at least {SECRET_BYTES} bytes in hex")
        secrets.append(secret)
    if not secrets:
        problems.append("SCRY_SECRETS is missing: keys of 32 bytes in hex, separated by commas, newest first")
    return tuple(secrets)


def _version(value: str, problems: list[str]) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.+_-]{0,40}", value):
        problems.append(f"SCRY_VERSION must be at most 40 letters, digits and `.+_-`, not {value!r}")
    return value


def _one_of(name: str, value: str, known: tuple[str, ...], problems: list[str]) -> str:
    if value not in known:
        problems.append(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value


def _origins(value: str, problems: list[str]) -> frozenset[str]:
    origins = frozenset(filter(None, (text.strip() for text in value.split(","))))
    for origin in sorted(origins):
        url = urlsplit(origin)
        if url.scheme not in ("http", "https") or not url.hostname or origin != f"{url.scheme}://{url.netloc}".lower():
            problems.append(f"SCRY_MCP_ORIGINS must be origins such as https://app.example, not {origin!r}")
    return origins


def _contact(value: str, problems: list[str]) -> str:
    if value and not re.fullmatch(r"(https://|mailto:[^@]+@)[!-~]+", value):
        problems.append(f"SCRY_SECURITY_CONTACT must be an https: or mailto: address, not {value!r}")
    return value


def _replay_seconds(value: str, problems: list[str]) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= 60):
        problems.append(f"SCRY_REFRESH_REPLAY_SECONDS must be a number of seconds from 0 to 60, not {value!r}")
        return 0
    return int(value)


def _days(value: str, problems: list[str]) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 3650):
        problems.append(f"SCRY_RETENTION_DAYS must be a number of days from 1 to 3650, not {value!r}")
        return 30
    return int(value)
