"""Threads that work in the name of whoever began them: what a request waits for there is counted as its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """A pool whose work sees the context variables of who submits it, as they are then."""

    def submit(self, act: Callable[P, T], /, *given: P.args, **named: P.kwargs) -> Future[T]:
        context = copy_context()  # one each: a context can be entered by one thread at a time
        return super().submit(lambda: context.run(act, *given, **named))
