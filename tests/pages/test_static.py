"""Files that pages refer to: kept for a year under their hash, and not at all under another."""

import gzip
import time

import pytest

from chalicelib.routes.static import static_file
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.templates import static_files


def asked(name: str, digest: str, **headers: str) -> Request:
    return Request(
        method="GET", path="/", parameters={"name": name, "digest": digest}, query={}, repeated=frozenset(),
        headers={key.replace("_", "-"): value for key, value in headers.items()}, repeated_headers=frozenset(),
        body=b"", source="192.0.2.7", id="request", now_ms=0, deadline=time.monotonic() + 5,
    )  # fmt: skip


@pytest.mark.parametrize("name", static_files())
def test_under_its_hash_a_file_is_kept_for_good(name):
    file = static_files()[name]
    answer = static_file(asked(name, file.digest))
    assert answer.body == file.content
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == file.media_type


def test_under_another_hash_it_is_what_is_here_now_and_nobody_keeps_it():
    answer = static_file(asked("app.css", "0" * 16))
    assert answer.body == static_files()["app.css"].content
    assert "Cache-Control" not in answer.headers


def test_it_travels_compressed_where_that_is_understood():
    file = static_files()["app.css"]
    answer = static_file(asked("app.css", file.digest, accept_encoding="gzip, br"))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.body) == file.content


@pytest.mark.requirement("V5.3.2")
@pytest.mark.parametrize("name", ["nothing.css", "../settings.py", "app.css/..", ""])
def test_nothing_else_can_be_had(name):
    with pytest.raises(NotFound):
        static_file(asked(name, "0" * 16))


def test_a_picture_travels_as_it_is():
    file = static_files()["explorer-light.webp"]
    answer = static_file(asked("explorer-light.webp", file.digest, accept_encoding="gzip"))
    assert answer.body == file.content
    assert answer.headers["Content-Type"] == "image/webp"
    assert not {"Content-Encoding", "Vary"} & answer.headers.keys()
