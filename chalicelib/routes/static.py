"""Style, scripts and pictures, at addresses that hold their content's hash: a browser keeps them for a year."""

import gzip
from functools import cache
from typing import Final

from chalicelib.web import responses
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import STATIC, static_files

FOR_GOOD: Final = "public, max-age=31536000, immutable"

PACKED_ALREADY: Final = frozenset(("image/webp",))

routes = Routes(__name__)


@routes.public(STATIC, kind="file")
def static_file(request: Request) -> Answer:
    """A file that pages refer to.

    Under another hash, which pages of another version carry, it is what is here now, and nobody keeps it.
    """
    file = static_files().get(request.parameters["name"])
    if file is None:
        raise NotFound
    packs = file.media_type not in PACKED_ALREADY
    headers = {"Vary": "Accept-Encoding"} if packs else {}
    if request.parameters["digest"] == file.digest:  # digest: of a public file, and a part of its address
        headers["Cache-Control"] = FOR_GOOD
    if packs and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return responses.content(_packed(file.name), file.media_type, headers=headers)
    return responses.content(file.content, file.media_type, headers=headers)


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(static_files()[name].content, 9, mtime=0)
