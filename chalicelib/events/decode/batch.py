"""Which format a batch is in: told from the body, with what the client says of it as a hint.

SDKs, shells and browsers label JSON as JSON, as text, as anything, or not at all; what begins like JSON is read as
JSON.
"""

from typing import Final

from chalicelib.events.decode import Decoded, MediaRefused, json, ndjson

LINE_TYPES: Final = frozenset(
    f"application/{name}"
    for name in ("x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines")
)
OPAQUE_TYPES: Final = frozenset(
    ("", "text/plain", "application/octet-stream", "application/zstd", "application/gzip", "application/x-gzip")
)
"""Types that say nothing about what is inside."""

CODINGS: Final = frozenset(("", "identity", "gzip", "x-gzip", "deflate", "zstd"))


def decode(body: bytes, *, media_type: str = "", coding: str = "") -> Decoded:
    """The events of a body that is inflated already. `coding` is the `Content-Encoding` it came with.

    Raises `MediaRefused` if it is in no format that is read here, `BodyUnreadable` if it is in one and broken.
    """
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        _check_labels(media_type, coding)
    if b"\n" in body.strip() and (media_type in LINE_TYPES or ndjson.looks_like_lines(body)):
        return ndjson.decode(body)
    return json.decode(body)


def _check_labels(media_type: str, coding: str) -> None:
    if coding.strip().lower() not in CODINGS:
        raise MediaRefused(f"The coding {coding!r} is not read here: gzip, deflate and zstd are.")
    if not (media_type.endswith("json") or media_type in LINE_TYPES | OPAQUE_TYPES):
        raise MediaRefused(f"{media_type!r} is not read here: send application/json or application/x-ndjson.")
