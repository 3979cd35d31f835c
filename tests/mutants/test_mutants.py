"""Every mutant still has its place and its tests; a run of two shows that a kill is told from a survivor."""

import pytest

from infra.mutants.runner import ROOT, Mutant, MutantStale, mutated, run, that_name
from infra.mutants.table import MUTANTS
from tests.test_requirements import not_due_yet, promises


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.id)
def test_a_mutant_has_one_place_and_tests_that_name_its_promise(mutant):
    assert mutated((ROOT / mutant.file).read_text(), mutant) != (ROOT / mutant.file).read_text()
    assert that_name(mutant.id)


def test_every_promise_about_security_and_storage_has_a_mutant():
    due = {each for each in promises() if each[0] in "SI"} - set(not_due_yet())
    assert due <= {mutant.id for mutant in MUTANTS}


def test_a_wrong_that_is_noticed_is_killed_and_one_that_is_none_survives():
    place = ("SECURITY.md", "No certification is claimed.")
    wrong, none = Mutant("S43", *place, "It is HIPAA compliant."), Mutant("S43", *place, place[1] + " At all.")
    assert [verdict.killed for verdict in run([wrong, none])] == [True, False]


def test_a_place_that_is_gone_is_said():
    with pytest.raises(MutantStale, match="holds 0 times"):
        mutated("nothing", Mutant("S1", "x.py", "something", "else"))
