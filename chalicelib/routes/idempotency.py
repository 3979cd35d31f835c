"""The `Idempotency-Key` of a request: by it the same request is known when it comes again."""

import re
from typing import Final

from chalicelib.web.problems import HeaderWrong
from chalicelib.web.request import Request

IDEMPOTENCY_KEY: Final = "idempotency-key"


def idempotency_key(request: Request) -> str | None:
    """The key, if there is one. Raises `HeaderWrong`."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and (IDEMPOTENCY_KEY in request.repeated_headers or not _VISIBLE.fullmatch(key)):
        raise HeaderWrong("`Idempotency-Key` must be sent once, with 1 to 255 visible ASCII characters and no spaces.")
    return key


_VISIBLE: Final = re.compile(r"[!-~]{1,255}")
