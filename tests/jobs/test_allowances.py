"""Owners and admins are told once a day that an allowance runs out, by whichever run of the upkeep meets it."""

from contextlib import suppress

import pytest
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.scope import Scope
from chalicelib.events.store.usage import Tally, Used
from chalicelib.identity.permissions import Role
from chalicelib.identity.plan_changes import set_plan
from chalicelib.identity.plans import Plan
from chalicelib.identity.users import User
from chalicelib.ids import DAY_MS
from chalicelib.jobs import upkeep
from chalicelib.jobs.allowances import warn
from chalicelib.storage import outbox
from chalicelib.storage.dynamodb import Reply
from tests.conftest import NOW_MS
from tests.faults import (
    CRASH_AFTER,
    LOST_ANSWER,
    SERVER_ERROR,
    Carry,
    Crash,
    Injected,
    Request,
    counted,
    each_step,
    injected,
    meanwhile,
)
from tests.store.driver import event, send, soon
from tests.tenancy.world import NOW, Tenant, new_tenant, new_user

ALLOWANCE = 100


@pytest.fixture
def store(engine_store: None) -> None:
    """The jobs' own tests are on the engine."""


@pytest.fixture
def mailed(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()


@pytest.fixture
def alice(store: None) -> User:
    return new_user("alice")


@pytest.fixture
def acme(alice: User) -> Tenant:
    """Alice owns it, Bob is a member, Dora an admin. Its project may be sent a hundred events a day."""
    tenant = new_tenant("acme", alice)
    tenant.join(new_user("bob"))
    tenant.join(new_user("dora"), Role.ADMIN)
    set_plan(tenant.id, Plan("custom", 30, ALLOWANCE), now=NOW)
    return tenant


def scope_of(tenant: Tenant) -> Scope:
    return Scope(tenant.id, tenant.project_id, 30)


def took(tenant: Tenant, count: int, *, day: int = 0) -> None:
    """So many events were accepted on a day from today, by a container of its own."""
    now_ms = NOW_MS + day * DAY_MS
    Tally().note(scope_of(tenant), "3fQ9Zk2L", Used(accepted=count), (), now_ms=now_ms, deadline=soon())


def told(tenant: Tenant, *, day: int = 0) -> bool:
    return warn(tenant.project, scope_of(tenant), now_ms=NOW_MS + day * DAY_MS, deadline=soon())


def letters() -> list[str]:
    return sorted(each.to for each in outbox.letters())


BOTH = ["alice@example.com", "dora@example.com"]


@pytest.mark.usefixtures("mailed")
def test_owners_and_admins_are_told_at_four_fifths_and_once_a_day(acme: Tenant) -> None:
    took(acme, 79)
    assert not told(acme)
    assert letters() == []
    took(acme, 1)
    assert told(acme)
    assert letters() == BOTH
    took(acme, 500)
    assert not told(acme)
    assert letters() == BOTH
    took(acme, 80, day=1)
    assert told(acme, day=1)
    assert letters() == sorted(BOTH * 2)


@pytest.mark.usefixtures("mailed")
@pytest.mark.requirement("I10")
def test_the_letter_says_what_is_used_what_comes_of_it_and_where_to_look(acme: Tenant) -> None:
    took(acme, 85)
    told(acme)
    text = outbox.letters()[0].text
    for said in ("The project Shop has taken 85 events", "allows 100 a day", "From 110 on", "00:00 UTC"):
        assert said in text
    assert f"{settings.current().url}/orgs/acme/projects/shop/usage" in text


def test_a_deployment_without_mail_asks_and_claims_nothing(acme: Tenant) -> None:
    took(acme, 100)
    with counted() as calls:
        assert not warn(acme_project := acme.project, scope_of(acme), now_ms=NOW_MS, deadline=soon())
    assert calls.calls == ["GetItem"]  # the project's own, for this test
    assert acme_project.warned_on is None


@pytest.mark.usefixtures("mailed")
def test_who_was_told_costs_no_reading_for_the_rest_of_the_day(acme: Tenant) -> None:
    took(acme, 100)
    told(acme)
    project = acme.project
    with counted() as calls:
        assert not warn(project, scope_of(acme), now_ms=NOW_MS + 1, deadline=soon())
        assert not warn(replace(project, events_a_day=None), scope_of(acme), now_ms=NOW_MS + DAY_MS, deadline=soon())
    assert calls.calls == []


@pytest.mark.usefixtures("mailed")
@pytest.mark.requirement("I7")
def test_of_two_runs_one_tells_wherever_they_meet(acme: Tenant) -> None:
    def attempt(step: int) -> Injected:
        took(acme, 100, day=step)
        project, before = acme.project, len(letters())
        with meanwhile(lambda: told(acme, day=step), at=step) as transport:
            warn(project, scope_of(acme), now_ms=NOW_MS + step * DAY_MS, deadline=soon())
        assert len(letters()) - before == 2
        return transport

    assert [attempt(step).met for step in (1, 2)] == [True, True]


@pytest.mark.usefixtures("mailed")
@pytest.mark.requirement("I7", "I12")
def test_an_answer_that_was_lost_neither_doubles_nor_swallows_the_letters(acme: Tenant) -> None:
    def attempt(step: int) -> Injected:
        took(acme, 100, day=step)
        project, before = acme.project, len(letters())
        with injected(LOST_ANSWER, at=step) as transport:
            warn(project, scope_of(acme), now_ms=NOW_MS + step * DAY_MS, deadline=soon())
        assert len(letters()) - before == 2
        return transport

    assert each_step(attempt) >= 5


@pytest.mark.usefixtures("mailed")
@pytest.mark.requirement("I7")
def test_wherever_a_run_ends_nobody_is_told_twice(acme: Tenant) -> None:
    def attempt(step: int) -> Injected:
        took(acme, 100, day=step)
        project, before = acme.project, letters()
        with injected(CRASH_AFTER, at=step) as transport, suppress(Crash):
            warn(project, scope_of(acme), now_ms=NOW_MS + step * DAY_MS, deadline=soon())
        told(acme, day=step)
        fresh = [each for each in BOTH if letters().count(each) > before.count(each)]
        assert len(letters()) - len(before) == len(fresh)
        return transport

    assert each_step(attempt) >= 5


@pytest.mark.usefixtures("mailed")
@pytest.mark.requirement("I12")
def test_where_no_letter_leaves_the_next_run_tries_again(acme: Tenant) -> None:
    def refused(carry: Carry, request: Request) -> Reply:
        letter = b"-outbox" in request[2]
        return SERVER_ERROR(carry, request) if letter else carry(*request)

    took(acme, 100)
    with injected(refused, lasting=True):
        assert not told(acme)
    assert acme.project.warned_on is None
    assert told(acme)
    assert letters() == BOTH


@pytest.mark.usefixtures("mailed")
def test_the_upkeep_tells_of_projects_that_received_events(acme: Tenant) -> None:
    took(acme, 90)
    send(scope_of(acme), [event("hello")])
    first = upkeep.run(now_ms=NOW_MS, deadline=soon())
    again = upkeep.run(now_ms=NOW_MS + 1, deadline=soon())
    assert (first.warned, again.warned) == (1, 0)
    assert letters() == BOTH
