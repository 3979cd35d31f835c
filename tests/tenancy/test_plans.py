"""Plans: given to an organisation by its operator, carried over to its projects, and what windows become under them."""

from contextlib import suppress

import pytest

from chalicelib import settings
from chalicelib.identity import plan_changes, plans, project_changes
from chalicelib.identity.orgs import NewOrg, OrgGone, PlanChanged, SettingsChanged, create_org, org_by_id
from chalicelib.identity.plan_changes import moves, set_plan
from chalicelib.identity.plans import PLANS, Plan, WindowRefused, named
from chalicelib.identity.project_changes import NewProject, create_project, edit_project, open_project
from chalicelib.identity.projects import Project, project_by_id, projects_of
from chalicelib.identity.users import User
from chalicelib.ids import DAY_MS
from chalicelib.storage import erasures
from chalicelib.storage.erasures import Subject
from chalicelib.storage.tables import keys
from tests.faults import CRASH_AFTER, LOST_ANSWER, Crash, Injected, each_step, injected, meanwhile
from tests.tenancy.world import NOW, Tenant, on_engine

FREE, PRO = PLANS["free"], PLANS["pro"]


def created(tenant: Tenant, slug: str, days: int | None = None) -> Project:
    by = tenant.member(tenant.owner)
    found = project_by_id(tenant.id, create_project(tenant.id, NewProject(slug, slug, days), by=by, now=NOW))
    assert found is not None
    return found


def with_window(tenant: Tenant, days: int, *, now: int = NOW) -> Project:
    it = tenant.project
    return edit_project(
        it, by=tenant.member(tenant.owner), slug=it.slug, name=it.name, retention_days=days, now=now
    )  # fmt: skip


def terms(project: Project) -> tuple[int, int | None, int | None]:
    return project.retention_days, project.plan_days, project.events_a_day


# --- what a plan is ---------------------------------------------------------------------------------------------------


def test_who_was_given_no_plan_has_the_deployments_window_and_no_allowance(acme: Tenant):
    assert acme.org.plan == Plan("own", 30, None)
    assert terms(created(acme, "new")) == (30, None, None)
    assert terms(created(acme, "long", 400)) == (400, None, None)


@pytest.mark.parametrize("name", ["free", "pro"])
def test_new_organisations_get_the_plan_that_the_deployment_says(alice: User, monkeypatch, name):
    monkeypatch.setenv("SCRY_PLAN", name)
    settings.current.cache_clear()
    org = org_by_id(create_org(alice.user, NewOrg("new", "New"), now=NOW))
    assert org is not None
    assert org.plan == PLANS[name] == named(name)


@pytest.mark.requirement("S37")
def test_a_new_project_takes_the_plan_of_its_organisation_and_keeps_nothing_longer(acme: Tenant):
    set_plan(acme.id, FREE, now=NOW)
    assert terms(created(acme, "new")) == (7, 7, 100_000)
    assert terms(created(acme, "short", 3)) == (3, 7, 100_000)
    with pytest.raises(WindowRefused, match="1 to 7 days"):
        created(acme, "long", 8)


# --- given and carried over -------------------------------------------------------------------------------------------


def test_a_plan_reaches_the_projects_that_are_there_with_an_entry_for_each_change(acme: Tenant):
    created(acme, "chosen", 3)
    set_plan(acme.id, FREE, now=NOW)
    assert {each.slug: terms(each) for each in projects_of(acme.id)} == {
        "shop": (7, 7, 100_000), "chosen": (3, 7, 100_000)
    }  # fmt: skip
    (entry,) = acme.log(action="org.plan")
    assert (entry.actor.kind, entry.before, entry.after) == (
        "operator",
        {"plan": "own", "retention_days": 30},
        {"plan": "free", "retention_days": 7, "events_a_day": 100_000},
    )
    (entry,) = acme.log(action="project.edit")
    assert (entry.target, entry.before, entry.after) == (
        acme.project_id.hex(), {"retention_days": 30}, {"retention_days": 7}
    )  # fmt: skip


def test_a_window_that_the_plan_gave_follows_it_and_one_that_was_chosen_shorter_stays(acme: Tenant):
    set_plan(acme.id, FREE, now=NOW)
    chosen = created(acme, "chosen", 3)
    set_plan(acme.id, PRO, now=NOW)
    assert terms(acme.project) == (90, 90, 5_000_000)
    again = project_by_id(acme.id, chosen.project)
    assert again is not None
    assert terms(again) == (3, 90, 5_000_000)
    set_plan(acme.id, Plan("custom", 2, None), now=NOW)
    assert [each.retention_days for each in projects_of(acme.id)] == [2, 2]
    set_plan(acme.id, plans.own(), now=NOW)
    assert [terms(each) for each in projects_of(acme.id)] == [(30, None, None)] * 2


def test_the_same_plan_again_changes_nothing(acme: Tenant):
    set_plan(acme.id, FREE, now=NOW)
    before = acme.log(), acme.org, acme.project
    set_plan(acme.id, FREE, now=NOW + 1)
    assert (acme.log(), acme.org, acme.project) == before


def test_what_a_plan_would_shorten_is_known_before(acme: Tenant):
    created(acme, "chosen", 3)
    assert [(each.project.slug, each.days, each.shortens) for each in moves(acme.id, FREE)] == [("shop", 7, True)]
    assert [(each.project.slug, each.days, each.shortens) for each in moves(acme.id, PRO)] == [("shop", 90, False)]
    assert acme.project.retention_days == 30


@on_engine
@pytest.mark.requirement("I6", "I12")
def test_wherever_it_is_cut_short_the_next_run_carries_over_what_is_left(acme: Tenant, monkeypatch):
    monkeypatch.setattr(plan_changes, "AT_ONCE", 2)
    for number in range(4):
        created(acme, f"p{number}")
    offered = [FREE, PRO]

    def attempt(step: int) -> Injected:
        plan = offered[step % 2]
        with injected(CRASH_AFTER, at=step) as transport, suppress(Crash):
            set_plan(acme.id, plan, now=NOW)
        set_plan(acme.id, plan, now=NOW)
        assert acme.org.plan == plan
        assert {terms(each) for each in projects_of(acme.id)} == {
            (plan.retention_days, plan.retention_days, plan.events_a_day)
        }
        return transport

    assert each_step(attempt) >= 6


@pytest.mark.requirement("I6")
def test_a_project_that_is_made_while_a_plan_is_given_has_it_wherever_they_meet(acme: Tenant):
    """Whoever comes between: the making of a project before each request of the giving, and the other way round."""

    def making_between(step: int) -> Injected:
        set_plan(acme.id, PRO, now=NOW)
        with meanwhile(lambda: created(acme, f"a{step}"), at=step) as transport:
            set_plan(acme.id, FREE, now=NOW)
        assert {terms(each)[1:] for each in projects_of(acme.id)} == {(7, 100_000)}
        return transport

    def giving_between(step: int) -> Injected:
        set_plan(acme.id, PRO, now=NOW)
        with meanwhile(lambda: set_plan(acme.id, FREE, now=NOW), at=step) as transport:
            open_project(acme.id, NewProject(f"b{step}", "B"), by=acme.member(acme.owner), now=NOW)
        assert {terms(each)[1:] for each in projects_of(acme.id)} == {(7, 100_000)}
        return transport

    # Which requests there are depends on who else acts: those beyond the last of a quiet run are met by nobody.
    assert [making_between(step).met for step in range(1, 5)].count(True) >= 3
    assert [giving_between(step).met for step in range(1, 4)].count(True) >= 2


@pytest.mark.requirement("I12")
def test_an_answer_that_was_lost_leaves_one_plan_and_one_entry(acme: Tenant):
    with injected(LOST_ANSWER, at=3):
        set_plan(acme.id, FREE, now=NOW)
    assert acme.org.plan == FREE
    assert terms(acme.project) == (7, 7, 100_000)
    assert len(acme.log(action="org.plan")) == len(acme.log(action="project.edit")) == 1


def test_where_plans_change_all_the_time_nothing_is_made(acme: Tenant):
    offered = [FREE, PRO]

    def attempt(_: Plan) -> None:
        raise PlanChanged

    set_plan(acme.id, offered[0], now=NOW)
    with pytest.raises(PlanChanged):
        project_changes.under_plan(acme.id, attempt)


def test_an_organisation_that_is_gone_gets_no_plan(acme: Tenant):
    from chalicelib.storage.tables.models import TenantItem

    row = TenantItem.get(keys.org_partition(acme.id), keys.ORG)
    row.state = "deleting"
    row.save()
    with pytest.raises(OrgGone):
        set_plan(acme.id, FREE, now=NOW)


# --- a project's own window -------------------------------------------------------------------------------------------


@pytest.mark.requirement("S37")
def test_shortening_leaves_a_mark_for_the_purge_and_an_entry(acme: Tenant):
    shorter = with_window(acme, 7)
    assert shorter == acme.project
    assert (shorter.retention_days, shorter.kept_from) == (7, NOW * 1000 - 7 * DAY_MS)
    asked = erasures.erasure_of(Subject("window", acme.id, acme.project_id))
    assert asked is not None
    assert asked.asked_at == NOW
    (entry,) = acme.log(action="project.edit")
    assert (entry.before, entry.after) == ({"retention_days": 30}, {"retention_days": 7})


@pytest.mark.requirement("S37", "I8")
def test_what_was_left_behind_stays_gone_when_the_window_is_lengthened(acme: Tenant):
    with_window(acme, 7)
    longer = with_window(acme, 30, now=NOW + 60)
    assert (longer.retention_days, longer.kept_from) == (30, NOW * 1000 - 7 * DAY_MS)
    # Shortening it less than before brings nothing back either.
    again = with_window(acme, 20, now=NOW + 120)
    assert again.kept_from == NOW * 1000 - 7 * DAY_MS


def test_lengthening_leaves_no_mark(acme: Tenant):
    set_plan(acme.id, PRO, now=NOW)
    assert erasures.erasure_of(Subject("window", acme.id, acme.project_id)) is None
    assert (acme.project.kept_from, acme.project.widest_days) == (0, 90)


@pytest.mark.parametrize(("plan", "most"), [(FREE, 7), (plans.PLANS["pro"], 90), (None, 30)])
def test_a_window_is_never_longer_than_the_plan_gives(acme: Tenant, plan, most):
    if plan:
        set_plan(acme.id, plan, now=NOW)
    with_window(acme, 1)
    assert with_window(acme, most).retention_days == most
    for days in (0, most + 1):
        with pytest.raises(WindowRefused, match=f"1 to {most} days"):
            with_window(acme, days)


def test_a_window_that_an_operator_made_long_can_be_shortened_and_not_lengthened_again(acme: Tenant):
    long = created(acme, "long", 400)
    by = acme.member(acme.owner)
    shorter = edit_project(long, by=by, slug="long", name="long", retention_days=200, now=NOW)
    assert shorter.retention_days == 200
    with pytest.raises(WindowRefused, match="1 to 200 days"):
        edit_project(shorter, by=by, slug="long", name="long", retention_days=400, now=NOW)


@pytest.mark.requirement("I6")
def test_of_a_window_and_a_plan_that_change_at_once_neither_undoes_the_other(acme: Tenant):
    seen = acme.project
    set_plan(acme.id, FREE, now=NOW)
    with pytest.raises(SettingsChanged):
        edit_project(
            seen, by=acme.member(acme.owner), slug="shop", name="Shop", retention_days=20, now=NOW
        )  # fmt: skip
    assert terms(acme.project) == (7, 7, 100_000)
