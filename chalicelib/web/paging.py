"""Pages: where the next one is, for clients that follow links (RFC 8288)."""

from urllib.parse import quote, urlencode

from chalicelib.web.request import Request


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The `Link` header to the page after this one; nothing where this is the last."""
    if cursor is None:
        return {}
    query = urlencode(request.query | {"cursor": cursor})
    return {"Link": f'<{quote(request.path)}?{query}>; rel="next"'}
