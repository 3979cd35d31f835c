"""`docs/api.md` says what the code does: the names that clients rely on are compared."""

import re
from pathlib import Path

from chalicelib.events.decode.json import SHARED
from chalicelib.events.decode.normalisation import DEEPEST, LEVEL_NAMES, TRACE_KEYS
from chalicelib.events.event import Event
from chalicelib.routes.problems import INGEST_PROBLEMS

API: str = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_every_name_of_a_level_is_documented_with_its_level() -> None:
    rows = re.findall(r"^\|[^|]*\|([^|]*)\| `(debug|info|warn|error|fatal)` \|$", API, re.MULTILINE)
    documented = {name: level for names, level in rows for name in re.findall(r"`(\w+)`", names) if name != "null"}
    assert documented == {name: level for name, level in LEVEL_NAMES.items() if name and name != level}


def test_every_field_is_documented() -> None:
    assert all(f"`{name}`" in API for name in (*Event.__struct_fields__, *SHARED, *TRACE_KEYS))
    assert f"more than {DEEPEST} objects" in API


def test_every_refusal_of_a_batch_is_documented() -> None:
    for problem in INGEST_PROBLEMS.values():
        assert f"| {problem.status} | `{problem.code}` |" in API
