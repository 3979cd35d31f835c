"""Roles: what one may do to another, as tables and as they are used."""

import itertools

import pytest

from chalicelib.identity.permissions import GRANTS, READS, Permission, Role
from chalicelib.identity.roles import LOWER, OVER, RoleRefused
from chalicelib.identity.users import User
from tests.tenancy.world import Tenant, new_user

ROLES = list(Role)
"""The lowest first."""


@pytest.mark.requirement("S30")
def test_each_role_may_do_all_that_the_ones_below_may():
    for lower, higher in itertools.pairwise(ROLES):
        assert GRANTS[lower] < GRANTS[higher]


@pytest.mark.requirement("S30")
def test_members_change_nothing_but_what_is_their_own_what_was_deployed_and_what_is_resolved():
    own = {Permission.ACCOUNT_WRITE, Permission.ORG_LEAVE, Permission.GRANTS_WRITE, Permission.VIEWS_WRITE}
    shared = {Permission.DEPLOYS_WRITE, Permission.DEPLOYS_DELETE, Permission.PATTERNS_WRITE}
    assert GRANTS[Role.MEMBER] - READS == own | shared


@pytest.mark.requirement("S31")
def test_nobody_is_over_a_role_above_their_own():
    for role in ROLES:
        assert all(ROLES.index(under) <= ROLES.index(role) for under in OVER[role])
        assert all(ROLES.index(under) < ROLES.index(role) for under in LOWER[role])


@pytest.mark.requirement("S31")
@pytest.mark.parametrize(("by", "was", "to"), list(itertools.product(ROLES, ROLES, ROLES)))
def test_a_role_is_changed_only_by_who_is_over_both(acme: Tenant, charlie: User, by, was, to):
    author = new_user("dora")
    acme.join(author, by)
    acme.join(charlie, was)
    if was is to or {was, to} <= OVER[by]:
        acme.change_role(charlie, to, author)
        assert acme.role(charlie) is to
    else:
        with pytest.raises(RoleRefused):
            acme.change_role(charlie, to, author)
        assert acme.role(charlie) is was


@pytest.mark.requirement("S31")
@pytest.mark.parametrize(("was", "to"), list(itertools.permutations(ROLES, 2)))
def test_ones_own_role_is_only_lowered(acme: Tenant, charlie: User, was, to):
    acme.join(charlie, was)
    if to in LOWER[was]:
        acme.change_role(charlie, to, charlie)
        assert acme.role(charlie) is to
    else:
        with pytest.raises(RoleRefused):
            acme.change_role(charlie, to, charlie)
        assert acme.role(charlie) is was
