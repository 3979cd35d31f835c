"""The saved views of a project on its explorer: a way to each, which of them is open, and the way to save another."""

from msgspec.structs import replace

from chalicelib.identity.views import Views
from chalicelib.routes.pages.explore.answered import Question
from chalicelib.routes.pages.explore.kept import state_of
from chalicelib.routes.pages.views.explore import Explore, Lens


def with_views(page: Explore, question: Question, found: Views) -> Explore:
    """The page with them. What is not understood, or has a name already, is not offered to be saved."""
    state = state_of(question.asked)
    lenses = tuple(Lens(each.name, each.state, each.state == state) for each in (*found.own, *found.shared))
    has_name = any(each.current for each in lenses)
    return replace(page, lenses=lenses, keep_link="" if question.fault or has_name else state)
