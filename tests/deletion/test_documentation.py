"""docs/deletion.md says of every key whose erasure reaches it: a new item cannot be forgotten."""

import inspect
import re
from pathlib import Path

import pytest

from chalicelib.storage.tables import keys
from infra.deploy.tables import RECOVERABLE, RECOVERY_DAYS

PAGE = (Path(__file__).parents[2] / "docs" / "deletion.md").read_text()
TABLE = PAGE.partition("## Every item")[2]
ROWS = re.findall(r"^\| (`.*?) \| (.+) \|$", TABLE, re.MULTILINE)


@pytest.mark.requirement("I8", "V14.2.7")
def test_every_key_that_is_built_is_in_the_table_once() -> None:
    described = [name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)]
    builders = [
        name
        for name, value in vars(keys).items()
        if name.endswith(("_partition", "_sort")) and inspect.isfunction(value)
    ]
    assert sorted(described) == sorted(builders)


def test_every_row_says_who_reaches_it_or_why_nobody_must() -> None:
    assert all(re.match("project|organisation|account|its own receipt|stays|nothing of anybody|nobody's", said)
               for _, said in ROWS)  # fmt: skip


def test_the_page_names_the_tables_that_are_copied_and_for_how_long() -> None:
    [names, days] = re.findall(r"account tables \((.*?)\) for (\d+) days", PAGE.replace("\n", " "))[0]
    assert set(re.findall(r"`(\w+)`", names)) == RECOVERABLE
    assert int(days) == RECOVERY_DAYS
