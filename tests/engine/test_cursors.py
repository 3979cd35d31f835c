"""A cursor goes on where a page ended, for the one project and query that it was made for, and is refused otherwise."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.events.event import Event
from chalicelib.events.query.cursor import CursorRefused, Position, SearchCursor, TailCursor, seal, unseal
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from chalicelib.events.query.tail import NAMES_LIMIT, tail
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store.read import Resume
from tests.conftest import new_scope
from tests.engine.project import ALL, Project, on_one_engine, soon
from tests.query.strategies import START

pytestmark = pytest.mark.engine


@pytest.fixture
def project(engine_store) -> Project:
    project = Project()
    project.send([Event(timestamp=START + at, message=f"{at}") for at in range(10)])
    return project


@pytest.fixture
def cursor(project) -> str:
    found = project.page(Everything(), ALL, limit=3).next_cursor
    assert found is not None
    return found


@pytest.mark.requirement("S29", "I4")
@pytest.mark.parametrize("alike", [{"org"}, {"project"}, set()])
def test_a_cursor_of_another_project_is_refused(project, cursor, alike):
    other = Project()
    other.scope = msgspec.structs.replace(other.scope, **{name: getattr(project.scope, name) for name in alike})
    other.send(project.events)
    with pytest.raises(CursorRefused):
        other.page(Everything(), ALL, cursor=cursor)


def test_a_cursor_of_another_query_or_order_is_refused(project, cursor):
    with pytest.raises(CursorRefused):
        project.page(parse("level:error"), ALL, cursor=cursor)
    with pytest.raises(CursorRefused):
        project.page(Everything(), ALL, order="asc", cursor=cursor)


def test_cursors_of_a_search_and_of_a_tail_are_not_mistaken_for_each_other(project, cursor):
    with pytest.raises(CursorRefused):
        follow(project, cursor)
    with pytest.raises(CursorRefused):
        project.page(Everything(), ALL, cursor=follow(project, None).cursor)
    question = "desc *"
    mistaken = seal(project.scope, question, TailCursor(0, (), ()))
    with pytest.raises(CursorRefused):
        unseal(project.scope, question, mistaken, SearchCursor)


@pytest.mark.requirement("S29", "I4")
def test_a_cursor_that_was_changed_anywhere_is_refused(project, cursor):
    packed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for at in range(len(packed)):
        changed = packed[:at] + bytes((packed[at] ^ 1,)) + packed[at + 1 :]
        with pytest.raises(CursorRefused):
            project.page(Everything(), ALL, cursor=urlsafe_b64encode(changed).decode().rstrip("="))


def test_a_cursor_that_was_cut_or_written_otherwise_is_refused(project, cursor):
    spoiled = [cursor[:end] for end in range(len(cursor))]
    spoiled += [f"{cursor}A", f" {cursor}", f"{cursor}\n", f"{cursor}==", f"{cursor[:9]}!{cursor[9:]}", f"{cursor}é"]
    for text in spoiled:
        with pytest.raises(CursorRefused):
            project.page(Everything(), ALL, cursor=text)


@on_one_engine
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda packed: urlsafe_b64encode(packed).decode()))
def test_any_other_text_is_refused(engine_store, text):
    with pytest.raises(CursorRefused):
        Project().page(Everything(), ALL, cursor=text)


def test_a_very_long_text_is_refused_before_it_is_looked_at(engine_store):
    with pytest.raises(CursorRefused):
        Project().page(Everything(), ALL, cursor="A" * 5_000_000)


def test_a_cursor_works_until_its_secret_is_retired(project, cursor, monkeypatch):
    old, new, newest = "5c" * 32, secrets.token_hex(32), secrets.token_hex(32)
    for known, works in [(f"{new},{old}", True), (f"{newest},{new}", False)]:
        monkeypatch.setenv("SCRY_SECRETS", known)
        settings.current.cache_clear()
        if works:
            second = project.page(Everything(), ALL, limit=3, cursor=cursor)
            assert [row.message for row in second.data] == ["6", "5", "4"]
        else:
            with pytest.raises(CursorRefused):
                project.page(Everything(), ALL, cursor=cursor)
            third = project.page(Everything(), ALL, cursor=second.next_cursor)
            assert [row.message for row in third.data] == ["3", "2", "1", "0"]


def test_the_range_of_the_first_page_holds_for_all(project, cursor):
    project.send([Event(timestamp=START + 100, message="later")])
    later = project.page(Everything(), TimeRange(START + 8, START + 1_000), cursor=cursor)
    assert (later.start, later.end) == (ALL.start, ALL.end)
    assert [row.message for row in later.data] == [f"{at}" for at in range(6, -1, -1)]


def test_a_cursor_may_be_used_again_and_says_the_same(project, cursor):
    pages = [project.page(Everything(), ALL, limit=3, cursor=cursor) for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_longest_cursor_of_a_follower_is_one(engine_store):
    scope = new_scope()
    names = [secrets.token_bytes(6) for _ in range(NAMES_LIMIT)]
    cursor = TailCursor(START, tuple(names[50:]), tuple((name, 5_000) for name in names[:50]))
    assert unseal(scope, "tail *", seal(scope, "tail *", cursor), TailCursor) == cursor


@given(
    st.integers(0, 1 << 47), st.integers(0, 1 << 47), st.sampled_from(("desc", "asc")),
    st.none() | st.builds(Position, st.integers(0, 1 << 47), st.binary(max_size=14)),
    st.none() | st.builds(Resume, st.integers(0, 1 << 47), st.binary(max_size=12)),
)  # fmt: skip
def test_what_was_sealed_is_what_is_unsealed(start, end, order, position, resume):
    scope = new_scope()
    cursor = SearchCursor(start, end, order, position, resume)
    assert unseal(scope, "q", seal(scope, "q", cursor), SearchCursor) == cursor


def follow(project: Project, cursor: str | None):
    return tail(project.scope, Everything(), cursor=cursor, limit=10, now_ms=project.now_ms, deadline=soon())
