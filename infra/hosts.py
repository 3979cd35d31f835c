"""Ways from the running product to hosts that a test serves itself, on this machine, in place of the internet's.

The file that `TEST_HOSTS` names says which: `{"client.example": {"port": 4443, "authority": "authority.pem"}}`.
"""

import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chalicelib.outside import fetch
from chalicelib.outside.fetch import Way

PUBLIC: Final = "93.184.216.34"
"""What the names resolve to: an address of the open internet, for only such ones are fetched from."""


def trust_hosts(file: Path) -> None:
    """From now on each of the hosts is looked for on loopback, and vouched for by its own authority alone."""
    for host, where in json.loads(file.read_text()).items():
        fetch.TRUSTED[host] = _way(where["port"], where["authority"])


def _way(port: int, authority: str) -> Way:
    def resolve(_: str) -> Sequence[str]:
        return [PUBLIC]

    def connect(_: str, seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=seconds)

    return Way(resolve, connect, lambda: ssl.create_default_context(cafile=authority))
