"""What a first visit loads stays small: its document, the one stylesheet, the scripts."""

import gzip

import pytest

from chalicelib.web.templates import document, static_files
from infra.preview import SAMPLES


def packed(content: bytes) -> int:
    return len(gzip.compress(content, 9))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_is_at_most_14_kilobytes_compressed(name):
    assert packed(document(*SAMPLES[name])) <= 14 * 1024


def test_the_stylesheet_is_at_most_10_kilobytes_compressed():
    [style] = [file for name, file in static_files().items() if name.endswith(".css")]
    assert packed(style.content) <= 10 * 1024


def test_all_scripts_are_at_most_12_kilobytes():
    scripts = [file.content for name, file in static_files().items() if name.endswith(".js")]
    assert sum(map(len, scripts)) <= 12 * 1024


@pytest.mark.requirement("V3.2.2")
def test_scripts_use_nothing_that_trusted_types_forbid():
    for name, file in static_files().items():
        if name.endswith(".js"):
            for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
                assert sink not in file.content.decode(), f"{name} uses {sink}"


@pytest.mark.requirement("V14.2.3")
def test_the_stylesheet_loads_nothing():
    style = static_files()["app.css"].content.decode()
    assert "url(" not in style
    assert "@import" not in style
