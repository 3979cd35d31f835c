"""The fault campaign in its short form: it finds nothing in the product, and finds what a broken build does."""

import pytest

from infra.campaign.__main__ import table
from infra.campaign.campaign import FAULTS, campaign
from tests.long_form import FULL

RARE = {"half a batch"}
"""Needs a deletion, for which a short campaign is too short."""


FINDS = {"loses": "lost", "doubles": "doubled", "leaks": "leaked"}


@pytest.mark.requirement("I1", "I2", "I3", "I4", "I11")
def test_nothing_is_lost_doubled_or_told_to_others_whatever_breaks():
    found = campaign(seed=1, rounds=1, operations=350, faults=FAULTS)
    said = "\n".join(table(found))
    assert found.clean, said
    assert found.acknowledged > 200, said
    assert set(FAULTS) - RARE <= found.faults.keys(), said


@pytest.mark.parametrize("builds", [(each,) for each in FINDS] if FULL else [tuple(FINDS)])
def test_a_build_that_breaks_a_promise_now_and_then_is_found(builds):
    """In the short form one that breaks them all."""
    module = ("infra.campaign.broken", *builds)
    found = campaign(seed=2, rounds=1, operations=700, faults=("resent at once",), module=module)
    for build in builds:
        assert getattr(found, FINDS[build]), "\n".join(table(found))
