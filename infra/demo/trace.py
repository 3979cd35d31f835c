"""One request on its way through the shop: every service that it touches logs under its trace id."""

from random import Random
from typing import Any, Final

from infra.demo.incidents import release

Event = dict[str, Any]

DEVICES: Final = ("mobile", "mobile", "mobile", "desktop", "desktop", "tablet")
USERS: Final = 2_000


class Trace:
    """Collects the events of one request of one user. Times are milliseconds after `began`."""

    def __init__(self, dice: Random, began: int) -> None:
        self.dice, self.began = dice, began
        self.events: list[Event] = []
        user = int(USERS * dice.random() ** 2)  # some are here all day
        self.user = f"u_{user:06}"
        visit = Random(f"{user}/{began // 3_600_000}")  # the same visit for the hour
        self.session = f"s_{visit.getrandbits(48):012x}"
        self.device = visit.choice(DEVICES)
        self._trace = f"{dice.getrandbits(128):032x}"

    def say(self, service: str, after: float, level: str, message: str, *, kind: str = "custom", **facts: Any) -> None:
        """One line of that service, so many milliseconds after the request began."""
        at = self.began + int(after)
        self.events.append(
            {
                "timestamp": at,
                "level": level,
                "type": kind,
                "message": message,
                "service": service,
                "environment": "production",
                "user_id": self.user,
                "session_id": self.session,
                "device_type": self.device,
                "trace_id": self._trace,
                "span_id": f"{self.dice.getrandbits(64):016x}",
                "metadata": origin(service, at, self.dice) | facts,
            }
        )

    def answer(self, after: float, method: str, path: str, status: int) -> None:
        """The gateway's last line of the request."""
        level = "error" if status >= 500 else "warn" if status >= 400 else "info"
        self.say(
            "gateway",
            after,
            level,
            f"{method} {path} {status}",
            kind="api_call",
            duration_ms=int(after),
            http={"method": method, "path": path, "status": status, "bytes": self.dice.randint(180, 48_000)},
        )


def origin(service: str, at: int, dice: Random) -> dict[str, Any]:
    """What every line of a service says of where it comes from."""
    return {"host": f"{service}-{dice.randint(1, 3)}", "region": "eu-central-1", "release": release(service, at)}


def own_line(service: str, at: int, level: str, message: str, dice: Random, *, kind: str, **facts: Any) -> Event:
    """A line that a service writes of its own accord, outside any request."""
    return {
        "timestamp": at,
        "level": level,
        "type": kind,
        "message": message,
        "service": service,
        "environment": "production",
        "metadata": origin(service, at, dice) | facts,
    }
