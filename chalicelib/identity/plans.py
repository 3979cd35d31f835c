"""Plans: for how long projects keep their events, and how many each may be sent a day.

    own      the deployment's settings, and no allowance: who runs it for themselves needs no plan
    free     )
    pro      ) the table below
    custom   as the operator says

A plan is given to an organisation, by an operator. Each of its projects has a copy of what requests need to know of it,
because requests read the project's item in any case (`plan_changes`). The allowance is each project's own: that is what
is counted (`events.store.usage`), and one project that goes wild takes nothing from the others.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from msgspec import Struct

from chalicelib import settings
from chalicelib.storage.changes import Fields, Plain
from chalicelib.storage.items import Item, number

PlanName = Literal["own", "free", "pro", "custom"]

MOST_DAYS: Final = 3_650
"""The longest window there can be, as of the setting."""


class Plan(Struct, frozen=True):
    """What an organisation has: the longest window of its projects in days, and what each may be sent a day."""

    name: PlanName
    retention_days: int
    events_a_day: int | None
    """None is as many as come."""

    @property
    def plan_days(self) -> int | None:
        """As it is kept: nothing of the deployment's own, which changes with the settings."""
        return None if self.name == "own" else self.retention_days


PLANS: Final[Mapping[str, Plan]] = {
    # A week of three million events costs less than half a dollar a month to take and to keep.
    "free": Plan("free", 7, 100_000),
    "pro": Plan("pro", 90, 5_000_000),
}


class WindowRefused(Exception):
    """A project cannot keep its events for so long, or for so short."""

    def __init__(self, most: int) -> None:
        super().__init__(f"Events can be kept for 1 to {most} days here.")
        self.most = most


def named(name: str) -> Plan:
    """The plan of this name, which is not `custom`. Raises `KeyError`."""
    return own() if name == "own" else PLANS[name]


def own() -> Plan:
    """What organisations have that were given none."""
    return Plan("own", settings.current().retention_days, None)


def initial() -> Plan:
    """What a new organisation gets."""
    return named(settings.current().plan)


def plan_of(org: Item) -> Plan:
    """The plan of an organisation, by its item."""
    if "plan" not in org:
        return own()
    return Plan(_NAMES[org["plan"].text], org["plan_days"].number, number(org, "events_a_day"))


def fields_of_org(plan: Plan) -> Fields:
    """What an organisation's item says of its plan. None is what it does not have."""
    return {
        "plan": None if plan.name == "own" else plan.name, "plan_days": plan.plan_days,
        "events_a_day": plan.events_a_day,
    }  # fmt: skip


def fields_of_project(plan: Plan) -> dict[str, Plain]:
    """What a project's item says of it."""
    return {"plan_days": plan.plan_days, "events_a_day": plan.events_a_day}


def window(days: int | None, plan: Plan) -> int:
    """The window that a new project gets, if so many days are asked for. Raises `WindowRefused`.

    Where there is no plan, an operator may ask for any.
    """
    if days is None:
        return plan.retention_days
    check_window(days, MOST_DAYS if plan.name == "own" else plan.retention_days)
    return days


def longest(plan_days: int | None) -> int:
    """The longest window that people may give a project: its plan's, or the deployment's."""
    return settings.current().retention_days if plan_days is None else plan_days


def check_window(days: int, most: int) -> None:
    """Raises `WindowRefused`."""
    if not 1 <= days <= most:
        raise WindowRefused(most)


_NAMES: Final[Mapping[str, PlanName]] = {name: name for name in get_args(PlanName)}
