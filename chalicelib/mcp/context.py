"""Where a message is answered: the one project it may see, whatever its arguments say, and the time there is for it."""

import time

from msgspec import Struct

from chalicelib.events.scope import Scope


class Context(Struct, frozen=True, kw_only=True):
    """Made by whoever proved who is asking. No tool has an argument that names a project."""

    scope: Scope
    org: str
    """Slugs and name, for links and for people; the scope alone decides what is read."""
    project: str
    name: str
    url: str
    """Of the deployment, without a slash at the end."""
    now_ms: int
    deadline: float
    """In `time.monotonic()` seconds."""

    def deadline_for(self, share: float) -> float:
        """The deadline of a part of the work that may take this share of the time left."""
        now = time.monotonic()
        return now + max(0.0, self.deadline - now) * share
