"""Views at a browser without JavaScript: saved from the explorer, opened by a click, renamed, replaced and deleted."""

import html
import re

import pytest

from chalicelib.identity import views
from chalicelib.identity.membership import Member, membership, orgs_of
from chalicelib.identity.projects import projects_of
from chalicelib.identity.users import by_email
from tests.api.client import Client
from tests.explorer.conftest import PROJECT
from tests.pages.visitor import Visitor
from tests.views.conftest import Explorer

HERE = f"{PROJECT}/views"


@pytest.fixture
def ada(explorer: Explorer) -> Explorer:
    explorer.sends({"level": "error", "message": "card declined"}, {"message": "order placed"})
    return explorer


def save(who: Explorer, query: str, name: str, kind: str = "own") -> None:
    who.opens(query)
    who.opens(who.link("Save this view"))
    who.visitor.sends(HERE, name=name, kind=kind)
    assert who.visitor.path.startswith(f"{PROJECT}/explore?"), who.visitor.wrong


def listed(visitor: Visitor) -> list[str]:
    """The names on the page of views."""
    visitor.opens(HERE)
    return re.findall(r'<th scope="row"><a href="[^"]*"><bdi>([^<]*)</bdi>', visitor.html)


def action(visitor: Visitor, name: str, what: str) -> str:
    """Where the form of a view on the page of views goes."""
    row = next(row for row in visitor.html.split("<tr>") if f"<bdi>{name}</bdi>" in row)
    found = re.search(rf'action="([^"]*/{what})"', row)
    assert found is not None, f"{name} has no form to {what}"
    return found[1]


def test_a_view_is_saved_from_the_explorer_and_opened_by_a_click(ada: Explorer):
    save(ada, "?q=level:error&since=24h&open=x&limit=5", "Errors of a day")
    assert ada.state == {"q": "level:error", "since": "24h"}
    assert ada.messages == ["card declined"]
    ada.opens()
    assert len(ada.messages) == 2
    ada.opens(html.unescape(link_to(ada, "Errors of a day")["href"]))
    assert ada.state == {"q": "level:error", "since": "24h"}
    assert ada.messages == ["card declined"]


def link_to(who: Explorer, name: str) -> dict[str, str]:
    """The attributes of the link to a view."""
    found = re.search(rf"<a ([^>]*)><bdi>{re.escape(name)}</bdi></a>", who.visitor.html)
    assert found is not None
    return dict(re.findall(r'([\w-]+)="([^"]*)"', found[1]))


def test_the_view_that_is_open_is_marked_and_not_offered_to_be_saved_again(ada: Explorer):
    save(ada, "?q=level:error", "Errors")
    for same in ("?q=level:error", "?since=1h&q=level:error", "?q=+level:error&limit=7&copy=json"):
        ada.opens(same)
        assert link_to(ada, "Errors").get("aria-current") == "true", same
        assert "Save this view" not in ada.visitor.html
        assert "<summary><bdi>Errors</bdi></summary>" in ada.visitor.html
    for other in ("", "?q=level:error&since=2h", "?q=level:error&order=asc", "?q=level:error&columns=user_id"):
        ada.opens(other)
        assert "aria-current" not in link_to(ada, "Errors"), other
        assert "Save this view" in ada.visitor.html


def test_a_query_that_is_not_understood_is_not_offered_to_be_saved(ada: Explorer):
    assert "Save this view" not in ada.opens("?q=servce:x")
    page = html.unescape(ada.opens(f"{HERE}/new?q=servce:x"))
    assert "This cannot be saved" in page
    assert "No field `servce`" in page
    assert f'action="{HERE}"' not in page


def test_a_name_that_is_taken_or_none_is_told_beside_its_field(ada: Explorer):
    save(ada, "?q=level:error", "Errors")
    ada.opens(f"{HERE}/new?q=level:warn&columns=user_id")
    ada.visitor.sends(HERE, name="ERRORS", kind="own")
    assert ada.visitor.response.status == 422
    assert ada.visitor.wrong == ["There is a view called “Errors” already. Take another name, or change that one."]
    ada.visitor.sends(HERE, name="Warnings", kind="own")
    assert ada.state == {"q": "level:warn", "since": "1h", "columns": "user_id"}


def test_a_view_is_renamed(ada: Explorer):
    save(ada, "?q=level:error", "Errors")
    save(ada, "?q=level:warn", "Warnings", "shared")
    assert listed(ada.visitor) == ["Errors", "Warnings"]
    ada.visitor.sends(action(ada.visitor, "Errors", "name"), name="Trouble")
    assert "The view is renamed." in ada.visitor.html
    assert listed(ada.visitor) == ["Trouble", "Warnings"]
    ada.visitor.sends(action(ada.visitor, "Trouble", "name"), name=" ")
    assert ada.visitor.response.status == 422
    assert len(ada.visitor.wrong) == 1


def test_a_view_is_deleted(ada: Explorer):
    save(ada, "?q=level:error", "Errors")
    assert listed(ada.visitor) == ["Errors"]
    ada.visitor.sends(action(ada.visitor, "Errors", "delete"))
    assert "The view is deleted." in ada.visitor.html
    assert "Views will be here" in ada.visitor.html
    assert "Errors" not in ada.opens()


def test_a_view_is_put_in_the_place_of_another(ada: Explorer):
    save(ada, "?q=level:error", "Errors")
    ada.opens(f"{HERE}/new?q=level:fatal&since=7d")
    [option] = [each for each in ada.visitor.page.all("option") if each.text == "Errors"]
    ada.visitor.sends(f"{HERE}/replace", view=option.attributes["value"])
    assert "The view asks something else now." in ada.visitor.html
    ada.opens()
    ada.opens(html.unescape(link_to(ada, "Errors")["href"]))
    assert ada.state == {"q": "level:fatal", "since": "7d"}


def test_the_address_of_a_view_is_there_to_be_copied(ada: Explorer):
    save(ada, "?q=level:error&since=24h", "Errors")
    ada.visitor.opens(HERE)
    assert f"{PROJECT}/explore?q=level:error&since=24h</code>" in html.unescape(ada.visitor.html)


def ada_herself() -> Member:
    """Her membership, for what no page of ours does."""
    user = by_email("ada@example.com")
    assert user is not None
    [org] = orgs_of(user.user)
    found = membership(org, user.user)
    assert found is not None
    return found


def test_a_view_that_does_not_read_any_more_opens_and_says_what_is_wrong(ada: Explorer):
    """As one would that was saved when a field had another name."""
    by = ada_herself()
    [project] = projects_of(by.org)
    views.save_view(project.project, "own", views.NewView("Old", "q=servce:x&since=1h"), by=by, now=by.joined_at)
    ada.visitor.opens(HERE)
    assert "No field `servce`" in html.unescape(ada.visitor.html)
    ada.opens(html.unescape(re.search(r'<th scope="row"><a href="([^"]*)"', ada.visitor.html)[1]))
    assert "<mark>servce</mark>" in ada.visitor.html


@pytest.mark.requirement("S22", "V3.5.1")
def test_no_form_of_another_site_saves_a_view(ada: Explorer):
    cookies = "; ".join(f"{name}={value}" for name, value in ada.visitor.cookies.items())
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    answer = Client().send("POST", HERE, body=b"name=x&kind=shared&state=", headers=headers)
    assert answer.status == 403
    assert listed(ada.visitor) == []


@pytest.mark.requirement("V3.2.2")
def test_hostile_names_and_queries_are_text(ada: Explorer):
    name = "<script>alert(1)</script>"
    save(ada, "?q=%22%3Cimg+src%3Dx%3E%22&since=24h", name)
    for page in (ada.opens(), ada.opens(HERE), ada.opens(f"{HERE}/new?q=%22%3Cimg+src%3Dx%3E%22")):
        assert name not in page
        assert "<img" not in page
