"""What the meter counts is what DynamoDB says that it charges."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from benchmarks import corpus, prices
from benchmarks.charges import Meter
from benchmarks.laboratory import batches, laboratory, soon
from chalicelib.events import compaction
from chalicelib.events.query import search
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.ids import HOUR_MS, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply, Transport


class Asking:
    """Has the engine say what each request consumed, and adds it up."""

    def __init__(self, carry: Transport) -> None:
        self._carry = carry
        self.units = 0.0

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        asked = msgspec.json.encode(msgspec.json.decode(body) | {"ReturnConsumedCapacity": "TOTAL"})
        reply = self._carry(endpoint, headers, asked)
        if reply.status == 200:
            self.units += _units(msgspec.json.decode(reply.body)["ConsumedCapacity"])
        return reply


def _units(consumed: Any) -> float:
    return sum(map(_units, consumed)) if isinstance(consumed, list) else float(consumed["CapacityUnits"])


@pytest.mark.engine
@pytest.mark.parametrize("size", [1, 10, 200])
def test_the_meter_counts_what_the_engine_says_it_charged(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(corpus.events(min(200 * size, 600)))
    within = TimeRange(rows[0]["timestamp"], rows[-1]["timestamp"] + 1)
    later = within.end + 2 * HOUR_MS
    with laboratory() as project:
        asking = Asking(dynamodb.transport)
        meter = Meter(asking)
        monkeypatch.setattr(dynamodb, "transport", meter)
        with meter.charging() as charges:
            for batch in batches(rows, size):
                project.append(batch)
            written = (charges.write_units, asking.units - charges.read_units)
            search.search(project.scope, parse("served"), within, limit=50, now_ms=within.end, deadline=soon())
            for now_ms in (later, later + compaction.GRACE_MS):
                compaction.compact(project.scope, slot_of(within.start), now_ms=now_ms, deadline=soon())

    assert written[0] == written[1]
    assert charges.write_units + charges.read_units == asking.units


@pytest.mark.parametrize(
    ("number", "size"), [("0", 1), ("7", 2), ("42", 2), ("420000", 2), ("1790000", 3), ("-5", 3), ("0.25", 2)]
)
def test_a_number_weighs_half_a_byte_for_each_digit_that_counts(number: str, size: int) -> None:
    assert prices.item_size({"t": {"N": number}}) == 1 + size


def test_binary_weighs_what_it_is_and_not_what_it_travels_as() -> None:
    sizes = [prices.item_size({"b": {"B": text}}) for text in ("", "AA==", "AAA=", "AAAA", "AAAAAA==")]

    assert sizes == [1, 2, 3, 4, 5]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1024, 1), (1025, 2)])
def test_a_write_is_charged_by_the_kilobyte(size: int, units: int) -> None:
    assert prices.write_units(size) == units


@pytest.mark.parametrize(("size", "units"), [(0, 1), (4096, 1), (4097, 2)])
def test_a_read_is_charged_by_four_of_them_and_half_where_it_may_be_stale(size: int, units: int) -> None:
    assert prices.read_units(size, consistent=True) == units
    assert prices.read_units(size, consistent=False) == units / 2
