"""`python -m infra.admin erase`: deleted, erased and proven in one command, which can be interrupted and run again."""

import time

import pytest

from chalicelib.identity import users
from chalicelib.identity.accounts import Owner, create_project
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from chalicelib.storage import erasures
from chalicelib.storage.erasures import QUIET_SECONDS
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from infra import admin, erase
from infra.erase import NotFinished, NothingToErase, Time
from tests.jobs.conftest import put
from tests.tables import everything

ADDRESS = "ana@acme.example"


class Passing:
    """A clock that runs when somebody waits."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def of(self) -> Time:
        return Time(lambda: int((time.time() + self.ahead) * 1000), self.wait)

    def wait(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def acme() -> None:
    owner = Owner(ADDRESS, "Ana", "a long enough passphrase 7")
    org, now = NewOrg("acme", "CANARY Acme"), int(time.time())
    create_project(org, NewProject("shop", "CANARY shop", 30), now=now, owner=owner)
    create_project(org, NewProject("web", "CANARY web", 30), now=now)


@pytest.mark.requirement("S41", "I8")
@pytest.mark.usefixtures("acme")
def test_an_organisation_is_erased_when_no_writer_can_be_left_and_the_receipt_proves_it(said):
    assert "CANARY" in str(everything())
    passing = Passing()
    proof = erase.erase_org("acme", wait=True, say=said.append, of=passing.of())
    assert passing.ahead >= QUIET_SECONDS - 60
    assert any("waiting" in line for line in said)
    assert (proof["receipt"], proof["remaining"]) == ("org", 0)
    assert proof["asked"] < proof["done"]
    assert proof["items read in all tables"] > 0
    assert proof["stub that stays"] == {keys.TENANTS: 2, keys.RECEIPTS: 3}
    assert "CANARY" not in str(everything())


@pytest.mark.usefixtures("acme")
def test_without_waiting_it_ends_and_goes_on_when_it_is_run_again(said):
    passing = Passing()
    with pytest.raises(NotFinished, match="receipt can come in") as unfinished:
        erase.erase_org("acme", wait=False, say=said.append, of=passing.of())
    assert "nothing works any more" in str(unfinished.value)
    passing.wait(QUIET_SECONDS + 1)
    assert erase.erase_org("acme", wait=False, say=said.append, of=passing.of())["remaining"] == 0
    assert erase.erase_org("acme", wait=False, say=said.append, of=passing.of())["remaining"] == 0


@pytest.mark.requirement("S41", "I8")
@pytest.mark.usefixtures("acme")
def test_a_person_is_erased_but_for_what_they_did_by_their_id(said):
    ana = users.by_email(ADDRESS)
    assert ana is not None
    erase.erase_org("acme", wait=True, say=said.append, of=Passing().of())
    proof = erase.erase_account(ADDRESS, wait=True, say=said.append, of=Passing().of())
    assert (proof["receipt"], proof["remaining"]) == ("account", 0)
    stub = item(keys.USERS, keys.user_partition(ana.user), keys.ONLY)
    assert stub is not None
    assert set(stub) == {"p", "s", "user", "state", "erased_at", "nonce"}
    again = erase.erase_account(ana.user.hex(), wait=True, say=said.append, of=Passing().of())
    assert again["done"] == proof["done"]


@pytest.mark.requirement("S31")
@pytest.mark.usefixtures("acme")
def test_the_only_owner_of_an_organisation_is_not_erased(capsys):
    assert admin.main(["erase", "--user", ADDRESS, "--yes"]) == 1
    assert "only owner" in capsys.readouterr().err
    assert users.by_email(ADDRESS) is not None


@pytest.mark.usefixtures("acme")
def test_whoever_does_not_type_the_name_erases_nothing(monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda _: "acm")
    assert admin.main(["erase", "--org", "acme"]) == 1
    assert "Nothing was erased" in capsys.readouterr().err
    assert list(erasures.erasures(deadline=time.monotonic() + 20)) == []


@pytest.mark.usefixtures("acme")
def test_the_command_says_what_is_left_to_do(monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda _: "acme")
    assert admin.main(["erase", "--org", "acme", "--no-wait", "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "run it again" in said.err
    assert {each.subject.kind for each in erasures.erasures(deadline=time.monotonic() + 20)} == {"project", "org"}


@pytest.mark.parametrize(("act", "named"), [(erase.erase_org, "nobody"), (erase.erase_account, "no@body.example")])
def test_what_is_not_there_is_said(act, named, said):
    with pytest.raises(NothingToErase, match=named):
        act(named, wait=True, say=said.append)


@pytest.mark.requirement("I8")
@pytest.mark.usefixtures("acme")
def test_something_that_is_left_is_a_fault_and_no_receipt_is_shown(said):
    passing = Passing()
    org = item(keys.TENANTS, keys.org_slug_partition("acme"), keys.ONLY)
    assert org is not None
    erase.erase_org("acme", wait=True, say=said.append, of=passing.of())
    put(keys.LIMITS, b"l" + org["org"].binary, keys.ONLY, {"tat": {"N": "1"}, "nonce": {"B": b"x"}})
    with pytest.raises(NotFinished, match="1 items still name it, the first in limits"):
        erase.erase_org("acme", wait=True, say=said.append, of=passing.of())
