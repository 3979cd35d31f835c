"""Ways to send a first event, ready to be run: each already holds the address and, just after it was made, the key."""

import json
from typing import Final

from chalicelib.routes.pages.views.start import Example

NO_KEY: Final = "scry_ing_…"

MESSAGE: Final = "hello from here"


def examples(url: str, key: str) -> tuple[Example, ...]:
    """`key` is empty where nobody can show it any more."""
    key = key or NO_KEY
    return (
        Example("curl", "curl", "In a shell", curl(url, key)),
        Example("python", "Python", "Python's own logging, without a package", _python(url, key)),
        Example("node", "Node.js", "Node.js 18 or newer, without a package", _node(url, key)),
        Example("scry", "scry", "The command line, in a checkout of Scrywatch", _scry(url, key)),
    )


def curl(url: str, key: str) -> str:
    event = json.dumps({"service": "shell", "message": MESSAGE})
    return f"curl {url}/api/ingest \\\n  -H 'Authorization: Bearer {key}' \\\n  -d '{event}'"


def _python(url: str, key: str) -> str:
    return f'''import json, logging, urllib.request

class Scrywatch(logging.Handler):
    def emit(self, record):
        event = {{"level": record.levelname, "service": record.name, "message": self.format(record)}}
        request = urllib.request.Request(
            "{url}/api/ingest",
            json.dumps(event).encode(),
            {{"Authorization": "Bearer {key}"}},
        )
        urllib.request.urlopen(request, timeout=5).close()

logging.getLogger("shell").addHandler(Scrywatch())
logging.getLogger("shell").warning("{MESSAGE}")'''


def _node(url: str, key: str) -> str:
    return f"""await fetch("{url}/api/ingest", {{
  method: "POST",
  headers: {{ Authorization: "Bearer {key}" }},
  body: JSON.stringify({{ level: "info", service: "shell", message: "{MESSAGE}" }}),
}});"""


def _scry(url: str, key: str) -> str:
    return f"echo 'INFO {MESSAGE}' | SCRY_URL={url} SCRY_KEY={key} bin/scry send --service shell -"
