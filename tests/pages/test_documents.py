"""Every page, from the samples: a well-formed document that can run nothing, whatever stands in its fields."""

import re
from itertools import pairwise

import pytest

from infra.preview import SAMPLES
from tests.pages.samples import declared, hostile, page

ELSEWHERE = ("https://scry.example.com/", "cursor://anysphere.cursor-deeplink/mcp/install?", "http://127.0.0.1:43117/")
"""Beginnings of the addresses that samples lead to outside: the product's own, an assistant's, an app's redirect."""

pytestmark = pytest.mark.parametrize("name", SAMPLES)


def test_it_has_one_heading_a_title_and_a_language(name):
    found = page(name)
    assert len(found.all("h1")) == 1
    [html] = found.all("html")
    assert html.attributes["lang"] == "en"
    title = found.all("title")[0]  # drawings have titles too
    assert title.text.endswith(" · Scrywatch")
    assert len(found.all("main")) == 1


def test_headings_leave_no_level_out(name):
    levels = [int(element.tag[1]) for element in page(name).all("h1", "h2", "h3", "h4")]
    in_main = levels[levels.index(1) :]
    assert all(after <= before + 1 for before, after in pairwise(in_main))


def test_every_field_has_a_label(name):
    found = page(name)
    labelled = {label.attributes["for"] for label in found.all("label")}
    fields = [each for each in found.all("input", "select", "textarea") if each.attributes.get("type") != "hidden"]
    assert [each for each in fields if each.attributes.get("id") not in labelled] == []


def test_ids_are_unique_and_what_is_named_is_there(name):
    elements = page(name).elements
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        for naming in ("aria-describedby", "aria-labelledby", "data-of"):
            if element.tag != "button" and naming == "data-of":
                continue
            assert set(element.attributes.get(naming, "").split()) <= set(ids), element


def test_nothing_is_inline(name):
    for element in page(name).elements:
        assert element.tag != "style"
        assert element.tag != "script" or element.attributes["src"].startswith("/static/")
        assert not [each for each in element.attributes if each == "style" or each.startswith("on")], element


@pytest.mark.requirement("S22")
def test_every_form_that_changes_something_carries_a_token(name):
    html = page(name)
    forms = [form for form in html.all("form") if form.attributes.get("method") == "post"]
    tokens = [field for field in html.all("input") if field.attributes.get("name") == "csrf_token"]
    assert len(forms) == len(tokens)
    assert all(field.attributes["value"] for field in tokens)


def test_forms_and_links_lead_to_routes_that_exist(name):
    routes = {(each.method, _pattern(each.path)) for each in declared()}
    for element in page(name).elements:
        method = "POST" if element.attributes.get("method") == "post" else "GET"
        target = element.attributes.get("href") or element.attributes.get("action") or element.attributes.get("src")
        if target is None or target.startswith(("#", "?", *ELSEWHERE)):
            continue
        path = re.split(r"[?#]", target)[0]
        assert any(known == method and re.fullmatch(pattern, path) for known, pattern in routes), element


def _pattern(path: str) -> str:
    return re.sub(r"{\w+}", "[^/]+", path)


@pytest.mark.requirement("V3.2.2", "V1.2.1", "V1.1.2")
def test_hostile_text_stays_text(name):
    harmless, attacked = page(name), hostile(name)
    assert [element.tag for element in attacked.elements] == [element.tag for element in harmless.elements]
    for before, after in zip(harmless.elements, attacked.elements, strict=True):
        assert after.attributes.keys() == before.attributes.keys(), after
        for naming in ("href", "src", "action"):
            # Into an address text gets only behind its beginning: it changes neither scheme nor host.
            address = after.attributes.get(naming, "")
            assert re.match(r"$|#|[/](?!/)", address) or address.startswith(ELSEWHERE), after
