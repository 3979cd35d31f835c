"""Erasing: after the passes a scan of every table finds nothing of what was deleted but the documented stub."""

import time
from collections import Counter
from functools import partial

import pytest

from chalicelib.identity import deletion, erasing, invitations, key_ring, members, orgs, projects, users
from chalicelib.identity.erasing import ErasureWaits, NotDeleted, PassInterrupted
from chalicelib.identity.membership import add_member, membership
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import User
from chalicelib.ids import UserId
from chalicelib.storage import audit, dynamodb, erasures
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import Receipt, Subject
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from tests.deletion.everything import (
    ENGINE,
    Doomed,
    deadline,
    erased,
    everything_of,
    logged,
    mentions,
    rows,
    tables_of,
    unredeemed_code,
)
from tests.permissions.cast import Tenant, new_user, now, signed_in


def deleted_project(doomed: Doomed) -> Subject:
    return deleted_project_of(doomed.project)


def deleted_project_of(tenant: Tenant) -> Subject:
    found = projects.project_by_id(tenant.org, tenant.project)
    assert found is not None
    deletion.delete_project(found, by=tenant.membership(tenant.owner), now=now())
    return Subject("project", tenant.org, tenant.project)


def deleted_org(tenant: Tenant) -> Subject:
    found = orgs.org_by_id(tenant.org)
    assert found is not None
    deletion.delete_org(found, by=tenant.membership(tenant.owner), now=now())
    return Subject("org", tenant.org)


def deleted_account(user: UserId) -> Subject:
    found = users.by_id(user)
    assert found is not None
    deletion.delete_account(found, by=audit.person(user), now=now())
    return Subject("account", user=user)


def erased_project(subject: Subject) -> Receipt:
    one_pass = partial(erasing.erase_project, subject.org, subject.project, deadline=deadline())
    return erased(
        subject, one_pass, lambda change: erasing.stub_project(change, subject.org, subject.project, at=now())
    )


def erased_org(subject: Subject) -> Receipt:
    one_pass = partial(erasing.erase_org, subject.org, deadline=deadline())
    return erased(subject, one_pass, lambda change: erasing.stub_org(change, subject.org, at=now()))


def erased_account(subject: Subject) -> Receipt:
    one_pass = partial(erasing.erase_account, subject.user, deadline=deadline())
    return erased(subject, one_pass, lambda change: erasing.stub_account(change, subject.user, at=now()))


@pytest.mark.requirement("I8", "S39", "V14.2.7")
def test_nothing_is_left_of_a_project_but_its_stub_its_slug_and_who_did_what(doomed: Doomed) -> None:
    needles = ("CANARY-doomed", doomed.id, doomed.id.hex(), *doomed.names)
    before = tables_of(mentions(*needles))
    assert set(before) == {keys.AUDIT, keys.GRANTS, keys.KEYS, keys.TENANTS, keys.TOKENS}
    receipt = erased_project(deleted_project(doomed))
    assert receipt.removed == {
        "keys": 3, "connections": 2, "calls": 2, "tokens": 4, "codes": 1, "saved views": 2,
        "facts in the audit log": receipt.removed["facts in the audit log"],
    }  # fmt: skip
    left = mentions(*needles)
    # Letters that told of it are shown for a week, where letters are shown instead of sent.
    assert tables_of(left).keys() - {keys.OUTBOX} == {keys.AUDIT, keys.RECEIPTS, keys.TENANTS}
    org = keys.org_partition(doomed.acme.org)
    assert {place[1:] for place in left if place[0] == keys.TENANTS} == {
        (org, keys.project_sort(doomed.id)), (org, keys.project_slug_sort("doomed")),
    }  # fmt: skip
    assert tables_of(mentions("CANARY-doomed")).keys() <= {keys.OUTBOX}
    assert fields_of(keys.TENANTS, org, keys.project_sort(doomed.id)) == {
        "p", "s", "org", "project", "state", "erased_at", "nonce",
    }  # fmt: skip


@pytest.mark.requirement("I8")
def test_the_audit_log_still_says_who_did_what_to_a_project_that_is_gone(doomed: Doomed) -> None:
    deleted = deleted_project(doomed)
    before = [(entry.at, entry.actor, entry.action, entry.target) for entry in logged(doomed.acme)]
    others = [entry for entry in logged(doomed.acme) if entry.action.startswith(("invitation", "member", "org"))]
    erased_project(deleted)
    assert [(entry.at, entry.actor, entry.action, entry.target) for entry in logged(doomed.acme)] == before
    assert [each for each in logged(doomed.acme) if each.action.startswith(("invitation", "member", "org"))] == others
    created = next(each for each in logged(doomed.acme) if each.target == doomed.names[0] and "create" in each.action)
    assert set(created.after) == {"kind", "project", "expires_at"}


@pytest.mark.requirement("I8", "I4")
def test_the_other_project_and_the_other_organisation_keep_everything(doomed: Doomed) -> None:
    kept = mentions("CANARY-acme", "CANARY-evil", doomed.evil.org, doomed.acme.project)
    erased_project(deleted_project(doomed))
    now_there = mentions("CANARY-acme", "CANARY-evil", doomed.evil.org, doomed.acme.project)
    assert {place: now_there.get(place) for place in kept} == kept


@pytest.mark.requirement("S41", "I8", "V14.2.7")
def test_nothing_is_left_of_an_organisation_but_its_stub_and_its_slug(doomed: Doomed) -> None:
    acme = doomed.acme
    everything_of(acme.member, acme, doomed.evil)
    named = ("CANARY-acme org", "CANARY-acme project", "CANARY-acme app", "CANARY-doomed", "@else.example")
    ids = (acme.org, acme.project, doomed.id, *doomed.names, acme.parameters["/invitations/{invitation}"])
    subject = deleted_org(acme)
    with pytest.raises(ErasureWaits):
        erasing.erase_org(acme.org, deadline=deadline())
    for project in (acme.project, doomed.id):
        erased_project(Subject("project", acme.org, project))
    receipt = erased_org(subject)
    assert receipt.removed == {
        "invitations": 2, "members": 3, "projects": 2, "slugs of projects": 2,
        "audit entries": receipt.removed["audit entries"],
    }  # fmt: skip
    assert not mentions(*named, without=ENGINE | {keys.OUTBOX})
    assert set(mentions(*ids, without=ENGINE | {keys.RECEIPTS})) == {
        (keys.TENANTS, keys.org_partition(acme.org), keys.ORG),
        (keys.TENANTS, keys.org_slug_partition("acme"), keys.ONLY),
    }
    assert fields_of(keys.TENANTS, keys.org_partition(acme.org), keys.ORG) == {
        "p", "s", "org", "state", "erased_at", "nonce",
    }  # fmt: skip


@pytest.mark.requirement("S41", "I8", "V14.2.7")
def test_nothing_is_left_of_an_account_but_its_id(doomed: Doomed) -> None:
    acme, user = doomed.acme, doomed.acme.member
    everything_of(user, acme, doomed.evil)
    unredeemed_code(doomed.project, user)
    named = (user.email, user.name, users.email_digest(user.email))
    assert set(tables_of(mentions(*named, user.user))) >= {
        keys.AUDIT, keys.GRANTS, keys.KEYS, keys.OUTBOX, keys.SESSIONS, keys.TENANTS, keys.TOKENS, keys.USERS,
    }  # fmt: skip
    erased_account(deleted_account(user.user))
    assert not mentions(*named)
    left = mentions(user.user, without=ENGINE | {keys.RECEIPTS, keys.AUDIT})
    assert set(left) == {(keys.USERS, keys.user_partition(user.user), keys.ONLY)}
    assert mentions(user.user, without=ENGINE | {keys.RECEIPTS, keys.USERS})  # who did what in Acme, by an id
    assert fields_of(keys.USERS, keys.user_partition(user.user), keys.ONLY) == {
        "p", "s", "user", "state", "erased_at", "nonce",
    }  # fmt: skip


@pytest.mark.requirement("I4", "I8")
def test_who_has_the_address_later_keeps_what_is_theirs(doomed: Doomed) -> None:
    user, evil = doomed.acme.member, doomed.evil
    subject = deleted_account(user.user)
    again = new_user(user.email, "Somebody else")
    invited = invitations.invite(user.email, Role.MEMBER, by=evil.membership(evil.owner), now=now() + 5)
    erased_account(subject)
    assert users.by_email(user.email) == again
    assert invitations.accept(invited.token, again, now=now() + 6).user == again.user


@pytest.mark.requirement("I8")
def test_what_lives_is_never_erased(doomed: Doomed) -> None:
    acme = doomed.acme
    before = rows(keys.TENANTS), rows(keys.KEYS), rows(keys.USERS)
    for erase in (
        partial(erasing.erase_project, acme.org, doomed.id),
        partial(erasing.erase_org, acme.org),
        partial(erasing.erase_account, acme.member.user),
        partial(erasing.erase_account, UserId(bytes(8))),
    ):
        with pytest.raises(NotDeleted):
            erase(deadline=deadline())
    assert (rows(keys.TENANTS), rows(keys.KEYS), rows(keys.USERS)) == before


@pytest.mark.requirement("I8", "I6")
@pytest.mark.parametrize("kind", ["project", "org", "account"])
def test_passes_that_are_killed_after_any_write_are_begun_again_and_forget_nothing(
    kind: str, doomed: Doomed, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = doomed.acme
    everything_of(acme.member, acme, doomed.evil)
    member = users.by_id(acme.member.user)
    assert member is not None
    if kind == "account":
        subject, finish = deleted_account(member.user), erased_account
        one_pass = partial(erasing.erase_account, member.user)
        needles: tuple[str | bytes, ...] = (member.email, member.name, users.email_digest(member.email))
    elif kind == "project":
        subject, finish = deleted_project(doomed), erased_project
        one_pass = partial(erasing.erase_project, acme.org, doomed.id)
        needles = ("CANARY-doomed", *doomed.names[:1])
    else:
        subject, finish = deleted_org(acme), erased_org
        for project in (acme.project, doomed.id):
            erased_project(Subject("project", acme.org, project))
        one_pass = partial(erasing.erase_org, acme.org)
        needles = ("CANARY-acme org", "CANARY-doomed")
    for writes in range(0, 12, 3):
        with monkeypatch.context() as patched:
            patched.setattr(dynamodb, "_answer", _killed_after(writes))
            try:
                one_pass(deadline=deadline())
            except (PassInterrupted, StoreUnavailable):
                continue
            break
    finish(subject)
    left = mentions(*needles, without=frozenset({keys.EVENTS, keys.WORK, keys.OUTBOX, keys.RECEIPTS, keys.AUDIT}))
    assert not left


def test_a_pass_that_was_interrupted_before_it_found_anything_is_not_an_empty_one(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two empty ones would be a receipt."""
    subject = deleted_account(acme.member.user)
    answer = dynamodb._answer

    def silent(operation: str, request: dict, until: float | None):
        if operation == "Query" and request["TableName"].endswith(keys.SESSIONS):
            raise StoreUnavailable("killed")
        return answer(operation, request, until)

    with monkeypatch.context() as patched:
        patched.setattr(dynamodb, "_answer", silent)
        for _ in range(3):
            with pytest.raises(PassInterrupted):
                erasing.erase_account(subject.user, deadline=deadline())


@pytest.mark.requirement("S31", "I8")
def test_who_joins_and_founds_in_the_moment_of_their_deletion_leaves_both_as_they_should(
    acme: Tenant, evil: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = acme.owner
    change = Change()
    add_member(change, evil.org, person.user, Role.OWNER, at=now())
    orgs.count_owner(change, evil.org, 1)
    commit(change)
    founded = orgs.create_org(person.user, orgs.NewOrg("late", "Late"), now=now())
    with monkeypatch.context() as patched:
        patched.setattr("chalicelib.identity.deletion.memberships", lambda *_, **__: [])
        subject = deleted_account(person.user)
    change = Change()  # of Acme, which has others, they were no owner
    change.delete(keys.TENANTS, keys.org_partition(acme.org), keys.member_sort(person.user))
    change.delete(keys.USERS, keys.user_partition(person.user), keys.membership_sort(acme.org))
    commit(change)
    erased_account(subject)
    left, gone = orgs.org_by_id(evil.org), orgs.org_by_id(founded)
    assert left is not None
    assert (left.owners, gone) == (1, None)
    assert erasures.erasure_of(Subject("org", founded)) is not None
    assert membership(evil.org, person.user) is None


def _killed_after(writes: int):
    """The store, that answers so many writes and then none."""
    answer, done = dynamodb._answer, Counter()

    def counted(operation: str, request: dict, until: float | None):
        if operation in ("BatchWriteItem", "TransactWriteItems"):
            done[operation] += 1
            if done.total() > writes:
                raise StoreUnavailable("killed")
        return answer(operation, request, until)

    return counted


def fields_of(table: str, partition: bytes, sort: bytes) -> set[str]:
    found = item(table, partition, sort)
    assert found is not None
    return set(found)


def test_an_interrupted_deletion_of_an_organisation_is_finished_by_its_erasure(
    doomed: Doomed, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = doomed.acme
    with monkeypatch.context() as patched:
        patched.setattr(dynamodb, "_answer", _killed_after(1))
        with pytest.raises(StoreUnavailable):
            deleted_org(acme)
    assert orgs.org_by_id(acme.org) is None
    assert len(projects.projects_of(acme.org)) == 2
    with pytest.raises(ErasureWaits):
        erasing.erase_org(acme.org, deadline=deadline())
    assert projects.projects_of(acme.org) == []
    asked = [each.subject.kind for each in erasures.erasures(deadline=deadline())]
    assert sorted(asked) == ["org", "project", "project"]


def test_what_somebody_left_in_other_organisations_is_ended_by_the_erasure_too(
    doomed: Doomed, monkeypatch: pytest.MonkeyPatch
) -> None:
    user: User = doomed.acme.member

    def too_busy(*_: object, **__: object) -> int:
        raise StoreUnavailable("busy")

    with monkeypatch.context() as patched:
        patched.setattr(members, "sweep", too_busy)
        subject = deleted_account(user.user)
    assert key_ring.keys_made_by(doomed.acme.org, user.user)
    receipt = erased_account(subject)
    assert receipt.removed["left in organisations"]
    assert not key_ring.keys_made_by(doomed.acme.org, user.user)


def test_a_session_that_begins_in_the_last_moment_is_found_by_the_next_pass(doomed: Doomed) -> None:
    user = doomed.acme.member
    deleted_account(user.user)
    while erasing.erase_account(user.user, deadline=time.monotonic() + 60):
        pass
    signed_in("late", user)
    assert erasing.erase_account(user.user, deadline=deadline())["sessions"] == 1
