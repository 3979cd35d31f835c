"""The register of erasures: asked for once, worked off by any number of runs, ended by a receipt."""

import time

import pytest
from msgspec.structs import replace

from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import erasures
from chalicelib.storage.audit import OPERATOR, person
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import Erasure, ErasureChanged, Progress, Subject
from tests import faults
from tests.faults import each_step, injected

ORG, PROJECT, USER = OrgId(b"o" * 8), ProjectId(b"p" * 8), UserId(b"u" * 8)
SUBJECTS = (
    Subject("project", ORG, PROJECT),
    Subject("window", ORG, PROJECT),
    Subject("org", ORG),
    Subject("account", user=USER),
)
AT = 1_790_000_000
GONE = Progress(passes=4, empty=2, removed={"blocks": 7})


def _asked(subject: Subject, *, at: int = AT) -> Erasure:
    change = Change()
    erasures.ask(change, subject, by=person(USER), at=at)
    commit(change)
    found = erasures.erasure_of(subject)
    assert found is not None
    return found


def _listed() -> list[Subject]:
    return [each.subject for each in erasures.erasures(deadline=time.monotonic() + 20)]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_what_is_asked_for_is_listed_until_its_receipt(store, subject):
    asked = _asked(subject)
    assert _listed() == [subject]
    assert asked == Erasure(subject, person(USER), AT, Progress())
    done = erasures.save(asked, GONE)
    change = Change()
    receipt = erasures.end(change, done, at=AT + 1_000)
    commit(change)
    assert _listed() == []
    found = erasures.receipts_of_account(USER) if subject.kind == "account" else erasures.receipts_of(ORG)
    assert found == [receipt]
    assert (receipt.asked_at, receipt.at, receipt.passes, receipt.removed) == (AT, AT + 1_000, 4, {"blocks": 7})


@pytest.mark.requirement("I8")
def test_only_empty_passes_in_a_row_count_that_began_when_no_writer_can_be_left(store):
    asked = _asked(SUBJECTS[0])
    late = AT + erasures.QUIET_SECONDS

    def after(*passes: tuple[int, int]) -> Progress:
        erasure = asked
        for begun_at, found in passes:
            progress = erasure.after({"blocks": found} if found else {}, begun_at=begun_at, reached=None)
            erasure = replace(erasure, progress=progress)
        return erasure.progress

    assert not after((late - 1, 0), (late, 0)).is_enough
    assert not after((late, 0), (late, 1), (late, 0)).is_enough
    assert after((AT, 4), (late, 0), (late + 1, 0)) == Progress(passes=3, empty=2, removed={"blocks": 4})
    assert after((AT, 4), (late, 0), (late + 1, 0)).is_enough


def test_a_pass_that_was_interrupted_goes_on_and_counts_as_one(store):
    asked = _asked(SUBJECTS[0])
    late = AT + erasures.QUIET_SECONDS
    first = replace(asked, progress=asked.after({"blocks": 2}, begun_at=late - 1, reached=70))
    assert (first.place, first.progress.passes) == (70, 0)
    second = replace(first, progress=first.after({}, begun_at=late, reached=90))
    assert second.place == 90
    third = second.after({}, begun_at=late + 1, reached=None)
    assert third == Progress(passes=1, empty=0, removed={"blocks": 2})
    assert erasures.save(asked, first.progress) == first
    assert erasures.erasure_of(SUBJECTS[0]) == first


def test_of_two_runs_only_the_one_that_saw_the_newest_state_saves(store):
    asked = _asked(SUBJECTS[0])
    erasures.save(asked, Progress(passes=1, removed={"blocks": 3}))
    with pytest.raises(ErasureChanged):
        erasures.save(asked, Progress(passes=1, removed={"blocks": 4}))
    change = Change()
    erasures.end(change, replace(asked, progress=GONE), at=AT)
    with pytest.raises(ErasureChanged):
        commit(change)
    assert _listed() == [SUBJECTS[0]]
    assert erasures.receipts_of(ORG) == []


def test_asking_again_begins_anew(store):
    first = erasures.save(_asked(SUBJECTS[1]), GONE)
    again = _asked(SUBJECTS[1], at=AT + 60)
    assert (again.asked_at, again.progress) == (AT + 60, Progress())
    with pytest.raises(ErasureChanged):
        erasures.save(first, replace(GONE, passes=5))


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", faults.PASSING)
def test_a_fault_on_the_way_saves_once_and_is_no_loss(engine_store, fault):
    orgs = iter(range(100))

    def attempt(step: int) -> faults.Injected:
        asked = _asked(Subject("org", OrgId(bytes((next(orgs),)) * 8)))
        with injected(faults.PASSING[fault], at=step) as transport:
            saved = erasures.save(asked, GONE)
        assert erasures.erasure_of(asked.subject) == saved
        return transport

    assert each_step(attempt) >= 1


def test_receipts_are_listed_the_newest_first_and_by_organisation(store):
    for at, org in ((AT, ORG), (AT + 5, ORG), (AT + 9, OrgId(b"x" * 8))):
        change = Change()
        receipt = erasures.Receipt(
            subject=Subject("window", org, PROJECT), by=OPERATOR, asked_at=at, at=at, behind=at * 1000, passes=2,
            removed={},
        )  # fmt: skip
        erasures.put_receipt(change, receipt)
        commit(change)
    assert [each.at for each in erasures.receipts_of(ORG)] == [AT + 5, AT]
    assert [each.behind for each in erasures.receipts_of(ORG, limit=1)] == [(AT + 5) * 1000]
