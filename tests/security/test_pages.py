"""What runs and is kept in browsers: scripts that listen to nobody, fields that password managers know, a way out."""

import re

import pytest

from chalicelib.web.templates import static_files
from infra.preview import SAMPLES
from tests.pages.samples import page

SCRIPTS = {name: file.content.decode() for name, file in static_files().items() if name.endswith(".js")}


@pytest.mark.requirement("V3.5.5")
@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_listens_to_messages_of_other_windows(name: str) -> None:
    assert re.search(r"postMessage|MessageChannel|BroadcastChannel|[\"']message[\"']|onmessage", SCRIPTS[name]) is None


@pytest.mark.requirement("V14.3.3")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_keep_the_theme_and_whether_keys_are_off_and_nothing_of_anybodys(name: str) -> None:
    """What `localStorage` holds goes with the sign-out, by `Clear-Site-Data`."""
    assert re.search(r"sessionStorage|indexedDB|caches\.|serviceWorker", SCRIPTS[name]) is None
    assert ("localStorage" in SCRIPTS[name]) == name.endswith("keys.js")
    assert set(re.findall(r"localStorage\.\w+\((\w+)", SCRIPTS[name])) <= {"PLACE"}
    assert re.findall(r"document\.cookie\s*=\s*[`\"']([\w-]+)", SCRIPTS[name]) == ["__Host-theme"] * ("theme" in name)


@pytest.mark.requirement("V3.7.1")
@pytest.mark.parametrize("name", SAMPLES)
def test_pages_need_nothing_but_html_css_and_scripts(name: str) -> None:
    assert page(name).all("object", "embed", "applet", "iframe", "frame", "frameset", "marquee", "base") == []
    for script in page(name).all("script"):
        assert script.attributes.get("type", "module") == "module"


@pytest.mark.requirement("V3.2.2")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_show_what_they_fetched_as_text(name: str) -> None:
    assert re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|Fragment", SCRIPTS[name]) is None
    assert re.search(r"\beval\b|new Function|set(Timeout|Interval)\(\s*[`\"']", SCRIPTS[name]) is None


@pytest.mark.requirement("V15.3.6")
@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_writes_into_an_object_by_a_name_that_somebody_else_chose(name: str) -> None:
    """`found[name] = value` with `__proto__` for a name changes every object there is."""
    script = re.sub(r"//.*", "", SCRIPTS[name])
    assert re.search(r"__proto__|\bprototype\b|\bconstructor\b|defineProperty|fromEntries", script) is None
    assert re.search(r"\w\[[^\]]+\]\s*=(?!=|>)", script) is None
    for target, source in re.findall(r"Object\.assign\(([^;]*?),\s*([^,;]*)\)", script):
        assert source.startswith("{ textContent:"), target


@pytest.mark.requirement("V6.2.6", "V6.2.7")
@pytest.mark.parametrize("name", SAMPLES)
def test_passwords_are_masked_and_password_managers_know_their_fields(name: str) -> None:
    for field in page(name).all("input"):
        if "password" in field.attributes.get("name", ""):
            assert field.attributes["type"] == "password"
            assert field.attributes["autocomplete"] in ("current-password", "new-password")
            assert int(field.attributes.get("maxlength", "1024")) >= 64
    for script in SCRIPTS.values():
        assert not re.search(r"[\"'](paste|copy|cut|contextmenu)[\"']|onpaste", script)


@pytest.mark.requirement("V6.2.6")
def test_some_page_asks_for_a_password() -> None:
    asking = {name for name in SAMPLES for each in page(name).all("input") if each.attributes.get("type") == "password"}
    assert len(asking) >= 5


@pytest.mark.requirement("V7.4.4")
@pytest.mark.parametrize("name", SAMPLES)
def test_who_is_signed_in_can_sign_out_on_every_page(name: str) -> None:
    _, shell = SAMPLES[name]
    ways_out = [form for form in page(name).all("form") if form.attributes.get("action") == "/sign-out"]
    if shell.person is not None:
        assert ways_out


@pytest.mark.requirement("V6.4.2")
@pytest.mark.parametrize("name", SAMPLES)
def test_nobody_is_asked_for_a_hint_or_a_secret_question(name: str) -> None:
    for field in page(name).all("input", "select", "textarea"):
        assert not re.search(r"hint|(secret|security)_?question|maiden", field.attributes.get("name", ""))
