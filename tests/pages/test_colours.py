"""Text can be read on every ground that it stands on, in light and in dark (WCAG 1.4.3, and more than that)."""

import re

import pytest

from chalicelib.web.templates import static_files

TOKENS = dict(
    re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", static_files()["app.css"].content.decode())
)  # fmt: skip
GROUNDS = ("ground", "surface")
TEXTS = ("text", "muted", "accent", "fatal", "error", "warn", "info", "debug")


def colour(token: str, scheme: int) -> str:
    return TOKENS[token].split(", ")[scheme]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_has_a_contrast_of_at_least_5_6(text, ground, scheme):
    assert contrast(colour(text, scheme), colour(ground, scheme)) >= 5.6


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_edges_of_fields_have_a_contrast_of_at_least_3(ground, scheme):
    assert contrast(colour("edge", scheme), colour(ground, scheme)) >= 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_on_the_accent_and_on_the_tint_can_be_read(scheme):
    assert contrast(colour("on-accent", scheme), colour("accent", scheme)) >= 5.6
    for text in ("text", "muted", "accent"):
        assert contrast(colour(text, scheme), colour("tint", scheme)) >= 4.5
