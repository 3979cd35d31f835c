"""The last rejections of a project are kept as a hint, never in the way of what is stored."""

from chalicelib.events.decode import Rejection
from chalicelib.events.store import rejections
from tests.conftest import NOW_MS, new_scope
from tests.store.driver import HOUR, soon

WRONG = [Rejection(0, "too_old", "the timestamp lies before the 30 days that this project keeps")]


def test_the_last_rejections_are_told_for_a_day(store, scope):
    assert rejections.last(scope, now_ms=NOW_MS, deadline=soon()) is None
    rejections.note(scope, WRONG, now_ms=NOW_MS, deadline=soon())
    found = rejections.last(scope, now_ms=NOW_MS + HOUR, deadline=soon())
    assert found is not None
    assert (found.count, found.details) == (1, [f"too_old: {WRONG[0].detail}"])
    assert rejections.last(scope, now_ms=NOW_MS + 25 * HOUR, deadline=soon()) is None


def test_other_projects_know_nothing_of_them(moto_store, scope):
    rejections.note(scope, WRONG, now_ms=NOW_MS, deadline=soon())
    assert rejections.last(new_scope(), now_ms=NOW_MS, deadline=soon()) is None


def test_no_more_than_one_a_minute_is_written(moto_store, scope):
    for seconds in (0, 30, 61):
        rejections.note(scope, WRONG * (seconds + 1), now_ms=NOW_MS + seconds * 1000, deadline=soon())
        found = rejections.last(scope, now_ms=NOW_MS + HOUR, deadline=soon())
        assert found is not None
        assert found.count == (62 if seconds == 61 else 1)
