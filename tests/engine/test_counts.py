"""Counts are what counting every event gives, whoever knows them: the index, headers, or the rows themselves."""

from collections import Counter
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.compaction import compact
from chalicelib.events.event import LEVELS, Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.query import counts
from chalicelib.events.query.aggregate import parse_fields, parse_metric
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.query.values import number_of, values_at
from chalicelib.events.store.index import mark_dirty, raise_watermark
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from tests.engine.project import (
    ALL,
    SHARDED,
    Project,
    batches,
    on_one_engine,
    ranges,
    reading_at_most,
    requests_counted,
    soon,
)
from tests.long_form import examples
from tests.query.strategies import START, expressions

pytestmark = pytest.mark.engine

level_queries = st.sampled_from(("*", "level:error", "level>=warn", "-level:info", "level:debug OR level:fatal"))
questions = expressions() | level_queries.map(parse)


def index(project: Project, until: int, *, dirty: bool) -> None:
    """Indexes a project's hours so far, and lets three more batches come to them."""
    project.now_ms = max(project.now_ms, START + 10 * HOUR_MS)
    for hour in range(slot_of(ALL.start), slot_of(until)):
        assert index_hour(project.scope, Slot(hour), deadline=soon())
    raise_watermark(project.scope, slot_of(until), now_ms=project.now_ms, deadline=soon())
    if dirty:
        late = (START, START - HOUR_MS, START - 5 * HOUR_MS)
        project.send(*([Event(timestamp=at, level="fatal", message="late")] for at in late))


indexed = st.none() | st.builds(
    dict, dirty=st.booleans(), until=st.sampled_from([ALL.start + hours * HOUR_MS for hours in (1, 3, 7, 9)])
)


def answered(project: Project, count, expression, within: TimeRange, **options):
    return count(project.scope, expression, within, now_ms=project.now_ms, deadline=soon(), **options)


def timeline_of(project: Project, expression, within: TimeRange, width: int) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for event in project.matching(expression, within):
        found.setdefault(event.timestamp // width * width, Counter())[event.level] += 1
    return found


@settings(on_one_engine, max_examples=examples(40))
@given(batches(), questions, ranges() | st.just(ALL), st.integers(1, 100), indexed, st.sampled_from(((), SHARDED)))
def test_a_timeline_counts_every_match_in_its_bucket(engine_store, sent, expression, within, buckets, known, shards):
    project = Project(shards=shards)
    project.send(*(batch.events() for batch in sent))
    if known:
        index(project, **known)
    line = answered(project, counts.timeline, expression, within, buckets=buckets)
    assert {bucket.t: dict(bucket.counts) for bucket in line.series if bucket.counts} == timeline_of(
        project, expression, within, line.bucket_ms
    )
    assert len(line.series) <= buckets + 1
    assert line.series[0].t <= within.start
    assert within.end <= line.series[-1].t + line.bucket_ms
    assert (line.partial, line.reached) == (False, None)


@settings(on_one_engine, max_examples=examples(30))
@given(
    batches(), questions, ranges() | st.just(ALL),
    st.lists(st.sampled_from(("level", "service", "type", "user_id")), min_size=1, max_size=3, unique=True), indexed,
)  # fmt: skip
def test_facets_count_every_value(engine_store, sent, expression, within, fields, known):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    if known:
        index(project, **known)
    found = answered(project, counts.facets, expression, within, fields=fields)
    events = project.matching(expression, within)
    for field in fields:
        expected = Counter(value for event in events if (value := getattr(event, field)))
        assert {facet.value: facet.count for facet in found.facets[field]} == expected
    assert found.exact
    assert list(found.facets) == fields


@settings(on_one_engine, max_examples=examples(30))
@given(
    batches(), questions, ranges() | st.just(ALL), st.sampled_from(("", "level", "service", "service,level")), indexed,
)  # fmt: skip
def test_aggregates_count_every_match_in_its_group(engine_store, sent, expression, within, by, known):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    if known:
        index(project, **known)
    fields = parse_fields(by)
    found = answered(project, counts.aggregate, expression, within, by=fields, metric=parse_metric("count"))
    events = project.matching(expression, within)
    expected = Counter(tuple(getattr(event, field) or None for field in fields) for event in events)
    if not fields:
        expected.setdefault((), 0)
    assert {tuple(group.key.values()): group.value for group in found.groups} == expected


@settings(on_one_engine, max_examples=examples(15))
@given(batches(), questions, indexed)
def test_measures_see_every_number(engine_store, sent, expression, known):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    if known:
        index(project, **known)
    numbers = [
        number
        for event in project.matching(expression, ALL)
        for value in values_at(event.metadata, "status")
        if (number := number_of(value)) is not None
    ]
    for function, naive in (("min", min), ("max", max), ("sum", fsum)):
        metric = parse_metric(f"{function}(metadata.status)")
        (group,) = answered(project, counts.aggregate, expression, ALL, by=(), metric=metric).groups
        expected = naive(numbers) if numbers or function == "sum" else None
        assert group.value == pytest.approx(expected, abs=abs(max(numbers, key=abs, default=0)) * 1e-9)


@pytest.mark.requirement("I11")
@settings(on_one_engine, max_examples=examples(30))
@given(batches(), questions, st.sampled_from(({"blocks": 1}, {"blocks": 3}, {"share_of_time": 0})), indexed)
def test_a_partial_count_says_from_when_on_it_is_whole(engine_store, sent, expression, spent, known):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    if known:
        index(project, **known)
    with reading_at_most(**spent):
        found = answered(project, counts.timeline, expression, ALL, buckets=1_000)
        total = answered(project, counts.aggregate, expression, ALL, by=(), metric=parse_metric("count"))
    expected = timeline_of(project, expression, ALL, found.bucket_ms)
    reached = found.reached if found.partial else ALL.start
    for bucket in found.series:
        whole = expected.get(bucket.t, Counter())
        assert Counter(bucket.counts) <= whole
        assert bucket.t < reached or Counter(bucket.counts) == whole
    matching = project.matching(expression, ALL)
    count = total.groups[0].value
    since = total.reached if total.partial else ALL.start
    assert sum(event.timestamp >= since for event in matching) <= count <= len(matching)
    assert total.partial or count == len(matching)


@pytest.mark.parametrize("merged", [False, True])
def test_counts_leave_out_what_was_merged_away(engine_store, merged):
    project = Project()
    project.send(*([Event(timestamp=START - at, level=LEVELS[at % 5])] for at in range(40)))
    if merged:
        compact(project.scope, slot_of(START), now_ms=START + DAY_MS, deadline=soon())
    for known in (None, {"until": ALL.end + HOUR_MS, "dirty": False}):
        if known:
            index(project, **known)
        found = answered(project, counts.aggregate, Everything(), ALL, by=("level",), metric=parse_metric("count"))
        assert {group.key["level"]: group.value for group in found.groups} == dict.fromkeys(LEVELS, 8)


@pytest.mark.requirement("S37")
def test_counts_leave_out_what_is_older_than_the_retention_in_the_middle_of_an_hour(engine_store):
    project = Project(retention_days=1)
    edge = START - DAY_MS
    project.now_ms = START - 1_000
    project.send([Event(timestamp=edge + at) for at in range(10)])
    project.now_ms = START
    index_hour(project.scope, slot_of(edge), deadline=soon())
    raise_watermark(project.scope, slot_of(START), now_ms=START, deadline=soon())
    project.now_ms = START + 4
    within = TimeRange(edge - DAY_MS, START)
    line = answered(project, counts.timeline, Everything(), within, buckets=60)
    assert sum(sum(bucket.counts.values()) for bucket in line.series) == 6


def test_an_hour_that_was_marked_again_is_read_again(engine_store):
    project = Project()
    project.send([Event(timestamp=START)])
    index(project, ALL.end + HOUR_MS, dirty=False)
    mark_dirty(project.scope, slot_of(START), deadline=soon())
    with requests_counted() as requests:
        answered(project, counts.aggregate, Everything(), ALL, by=(), metric=parse_metric("count"))
    assert requests.slots == {slot_of(START)}


@pytest.mark.parametrize("by", ["", "level", "service"])
def test_the_index_does_not_answer_what_it_does_not_know(engine_store, by):
    project = Project()
    for hours in range(6):
        at = START - hours * HOUR_MS
        project.send([Event(timestamp=at, message=text, service=text) for text in ("hay", "hay", "needle")])
    index(project, ALL.end + HOUR_MS, dirty=False)
    for query, expected in (("needle", 6), ("metadata.n:1", 0), ("service:hay", 12), (f"timestamp>={START}", 3)):
        metric = parse_metric("count")
        found = answered(project, counts.aggregate, parse(query), ALL, by=parse_fields(by), metric=metric)
        assert sum(group.value for group in found.groups) == expected
        line = answered(project, counts.timeline, parse(query), ALL, buckets=3)
        assert sum(sum(bucket.counts.values()) for bucket in line.series) == expected
