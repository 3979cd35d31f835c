"""docs/storage-schema.md says what the tables hold: no more, no less."""

import inspect
import re
from pathlib import Path

import pytest

from chalicelib.ids import BatchId, OrgId, ProjectId, Slot
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import MODELS, Item, configure

PAGE = (Path(__file__).parents[2] / "docs" / "storage-schema.md").read_text()
SECTIONS = {found[1]: found[2] for found in re.finditer(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)}
FIELDS = re.compile(r"^\| `(\w+)` \| (\w+) \|", re.MULTILINE)
BUILDERS = re.compile(r"`([a-z_]+_(?:partition|sort)|[A-Z_]+)`")


def test_every_table_has_its_section():
    assert set(SECTIONS) == {model.table for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.table)
def test_every_field_is_described_with_its_type(model: type[Item]):
    described = dict(FIELDS.findall(SECTIONS[model.table]))
    stored = {name: attribute.attr_type for name, attribute in model.get_attributes().items() if name not in "ps"}
    assert described == stored


@pytest.mark.requirement("V14.2.7")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.table)
def test_the_field_that_ends_an_item_is_named(model: type[Item]):
    said = re.search(r"^(?:TTL: `(\w+)`|No TTL)\.", SECTIONS[model.table], re.MULTILINE)
    assert said is not None
    assert said[1] == model.ttl


def test_every_way_to_build_a_key_is_described_and_no_other():
    described = {name for section in SECTIONS.values() for name in BUILDERS.findall(section)}
    builders = {
        name
        for name, value in vars(keys).items()
        if name.endswith(("_partition", "_sort")) and inspect.isfunction(value)
    }
    constants = {
        "ONLY", "WATERMARK", "REJECTIONS", "SHARED_VIEWS", "DEPLOYS_COUNTED", "ORG", "SECOND_FACTOR", "FIRST_ACCOUNT",
        "OUTBOX_PARTITION", "ERASURES", "PURGED",
    }  # fmt: skip
    assert described == builders | constants


def test_tables_are_made_as_they_are_described(store):
    configure()
    for model in MODELS:
        made = dynamodb.call("DescribeTable", {"TableName": model.Meta.table_name}).table
        assert made["KeySchema"] == [
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ]
        assert {(each["AttributeName"], each["AttributeType"]) for each in made["AttributeDefinitions"]} == {
            ("p", "B"),
            ("s", "B"),
        }
        assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


# --- keys -------------------------------------------------------------------------------------------------------------

ORG, PROJECT, BATCH = OrgId(b"o" * 8), ProjectId(b"p" * 8), BatchId(b"b" * 10)


@pytest.mark.requirement("S28")
def test_every_partition_of_events_begins_with_organisation_and_project():
    partitions = [
        keys.slot_partition(ORG, PROJECT, Slot(1), 0),
        keys.receipt_partition(ORG, PROJECT, BATCH),
        keys.dictionary_partition(ORG, PROJECT),
        keys.index_partition(ORG, PROJECT),
        keys.usage_partition(ORG, PROJECT),
    ]
    assert len(set(partitions)) == 5
    assert {partition[:16] for partition in partitions} == {ORG + PROJECT}


def test_blocks_stand_in_the_order_of_their_last_timestamps_and_are_found_by_a_range():
    times = [0, 1, 255, 256, 1_790_000_000_000, keys.TIMESTAMP_LIMIT - 2]
    sorts = [keys.block_sort(last, BATCH, part) for last in times for part in (0, 1, 65_535)]
    assert sorts == sorted(sorts)
    low, high = keys.block_range(256, 1_790_000_000_000)
    assert [sort for sort in sorts if low <= sort <= high] == sorts[9:15]


def test_keys_are_read_as_they_were_built():
    sort = keys.block_sort(1_790_000_000_000, BATCH, 700)
    assert keys.block_identity(sort) == (1_790_000_000_000, BATCH, 700)
    assert keys.block_identity(keys.detail_sort(5, BATCH, 7, b"h" * 8)) == (5, BATCH, 7)
    assert keys.merged_generation(keys.merged_sort(70_000)) == 70_000
    assert keys.index_hour(keys.index_hour_sort(Slot(497_222))) == 497_222
    assert keys.work_identity(keys.work_sort(Slot(9), ORG, PROJECT, Slot(8))) == (9, ORG, PROJECT, 8)
    assert keys.usage_identity(keys.usage_key_sort(20_718, "3fQ9Zk2L")) == (20_718, "k", "3fQ9Zk2L")
    assert keys.usage_identity(keys.usage_reason_sort(20_718, "too_old")) == (20_718, "r", "too_old")
    assert keys.project_list_identity(keys.project_list_sort(ORG, PROJECT)) == (ORG, PROJECT)


def test_notes_of_the_register_stand_in_the_order_of_their_clock_hours():
    sorts = [keys.work_sort(Slot(hour), ORG, PROJECT, Slot(slot)) for hour in (1, 2, 300) for slot in (7, 8)]
    assert sorts == sorted(sorts)


def test_kinds_of_items_in_one_partition_do_not_meet():
    sorts = [
        keys.block_sort(1, BATCH, 0),
        keys.detail_sort(1, BATCH, 0, b"h" * 8),
        keys.merged_sort(1),
        keys.merged_detail_sort(1, b"h" * 8),
    ]
    low, high = keys.block_range(0, keys.TIMESTAMP_LIMIT - 2)
    assert [low <= sort <= high for sort in sorts] == [True, False, False, False]
