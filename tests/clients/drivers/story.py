"""One client's part of the story, as `story.mjs` describes it, for clients that are written in Python.

It imports nothing of the project: only the packages of its client are there.
"""

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

RESOURCE = os.environ["RESOURCE"]
REDIRECT = "http://127.0.0.1:33418/callback"
TOOL = "project_overview"

Act = Callable[[], Awaitable[Any]]

_real_time = time.time


def _later() -> float:
    return _real_time() + int(Path(os.environ["TEST_CLOCK"]).read_text())


time.time = _later


class NobodyConsented(Exception):
    """Whoever was asked did not say yes; the message is the error that came back, if one did."""


async def consent(url: str) -> dict[str, str]:
    """The parameters with which the browser came back."""
    _say({"consent": url})
    callback = json.loads(await _line())["callback"]
    answer = dict(parse_qsl(urlsplit(callback or "").query))
    if "code" not in answer:
        raise NobodyConsented(answer.get("error", "nobody consented"))
    return answer


async def play(*, connect: Act, call: Act, tokens: Act, revoke: Act | None = None) -> None:
    """Does what the lines of standard input say, until they end."""

    async def calls(task: dict[str, Any]) -> dict[str, Any]:
        made = await asyncio.gather(*(call() for _ in range(task["times"])), return_exceptions=True)
        return {"outcomes": [repr(each) if isinstance(each, BaseException) else each for each in made]}

    async def done(act: Act) -> dict[str, Any]:
        await act()
        return {"did": True}

    acts = {
        "connect": lambda _: done(connect),
        "call": calls,
        "tokens": lambda _: tokens(),
        "revoke": lambda _: done(revoke),
    }
    while line := await _line():
        task = json.loads(line)
        try:
            _say(await acts[task["do"]](task))
        except Exception:  # noqa: BLE001 - whatever a client raises is what came of the task
            _say({"failed": traceback.format_exc()})


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()
