"""Somebody at a browser without JavaScript: follows redirects, keeps cookies, fills in the forms that pages show."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.api.client import Client, Response
from tests.pages.samples import Element, Page

ORIGIN = "http://127.0.0.1:8000"


@dataclass
class Visitor:
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""
    response: Response | None = None

    @property
    def html(self) -> str:
        assert self.response is not None
        return self.response.body.decode()

    @property
    def page(self) -> Page:
        return Page(self.html)

    @property
    def heading(self) -> str:
        return " ".join(self.page.all("h1")[0].text.split())

    @property
    def wrong(self) -> list[str]:
        """What is said next to fields."""
        return [each.text for each in self.page.all("p") if each.attributes.get("class") == "wrong"]

    def opens(self, path: str) -> Response:
        return self._follow("GET", path, b"", {})

    def sends(self, action: str, **fields: str) -> Response:
        """Fills in the form with this action on the page that is open. Hidden fields are sent as they stand."""
        hidden = {each.attributes["name"]: each.attributes.get("value", "") for each in self._hidden(action)}
        body = urlencode({**hidden, **fields}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ORIGIN}
        return self._follow("POST", action, body, headers)

    def _hidden(self, action: str) -> list[Element]:
        elements = self.page.elements
        begin = next(n for n, each in enumerate(elements) if each.tag == "form" and each.attributes["action"] == action)
        rest = [n for n, each in enumerate(elements) if each.tag == "form" and n > begin]
        within = elements[begin : rest[0] if rest else None]
        return [each for each in within if each.tag == "input" and each.attributes.get("type") == "hidden"]

    def _follow(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Response:
        for _ in range(5):
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            sent = {**headers, **({"Cookie": cookies} if cookies else {})}
            self.response = Client().send(method, path, body=body, headers=sent)
            self.path = path
            self._keep()
            if self.response.status != 303:
                return self.response
            [path] = _values(self.response, "location")
            method, body, headers = "GET", b"", {}
        raise AssertionError(f"too many redirects, the last to {path}")

    def _keep(self) -> None:
        assert self.response is not None
        for cookie in _values(self.response, "set-cookie"):
            name, _, rest = cookie.partition("=")
            value, _, attributes = rest.partition(";")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def _values(response: Response, name: str) -> list[str]:
    for key, value in response.headers.items():
        if key.lower() == name:
            return [value] if isinstance(value, str) else list(value)
    return []
