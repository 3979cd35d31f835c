"""Threads see what those see who gave them work."""

from contextvars import ContextVar

import pytest

from chalicelib.storage.threads import Threads

whose: ContextVar[str] = ContextVar("whose", default="nobody's")


def test_work_sees_the_context_of_who_submits_it_as_it_is_then() -> None:
    with Threads(2) as pool:
        before = pool.submit(whose.get)
        token = whose.set("mine")
        after = [pool.submit(whose.get), *map(pool.submit, [whose.get] * 3)]
        mapped = list(pool.map(lambda _: whose.get(), range(3)))
        whose.reset(token)

    assert before.result() == "nobody's"
    assert {work.result() for work in after} == {"mine"}
    assert mapped == ["mine"] * 3


@pytest.mark.requirement("V15.4.1")
def test_what_work_sets_stays_its_own() -> None:
    with Threads(1) as pool:
        pool.submit(whose.set, "theirs").result()

        assert pool.submit(whose.get).result() == "nobody's"
    assert whose.get() == "nobody's"
