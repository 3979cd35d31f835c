"""What the explorer's pages are made of: words, drawings, texts to be copied."""

import shlex

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.query.answers import Record
from chalicelib.events.query.times import TimeRange, parse_moment
from chalicelib.routes.pages.explore import copies
from chalicelib.routes.pages.explore.asked import Asked, link
from chalicelib.routes.pages.explore.columns import columns_in, values_of
from chalicelib.routes.pages.explore.copies import ASSISTANT_CHARACTERS, Taken
from chalicelib.routes.pages.explore.histogram import HEIGHT, LEAST, histogram
from chalicelib.routes.pages.explore.tracing import steps
from chalicelib.routes.pages.explore.wording import length, marked, moment, stretch, visible, visible_lines
from infra.preview.events import NOW_MS, explore, line, records

WITHIN = TimeRange(NOW_MS - 3_600_000, NOW_MS)
texts = st.text(max_size=60)


@given(texts)
def test_nothing_in_a_line_is_unseen(text: str):
    shown = visible(text)
    assert visible(shown) == shown
    assert shown.splitlines() in ([], [shown])
    assert visible_lines(text).count("\n") == text.count("\n")


def test_what_cannot_be_seen_is_shown_by_its_picture_or_number():
    assert visible("a\n\x1b[0m\x7f\u202eb\x85") == "a␊␛[0m␡⟨202E⟩b⟨0085⟩"


@given(texts, st.lists(texts, max_size=4))
def test_marking_leaves_the_text_as_it_is(text: str, words: list[str]):
    assert "".join(part.text for part in marked(visible(text), words)) == visible(text)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0 ms"), (840, "840 ms"), (60_000, "1 min"), (90_000, "1 min 30 s"), (5_400_000, "1 h 30 min"),
     (183_600_000, "2 d 3 h")],
)  # fmt: skip
def test_lengths_of_time_are_said_in_two_units(milliseconds: int, words: str):
    assert length(milliseconds) == words


@given(st.integers(1_000_000_000_000, 4_000_000_000_000))
def test_a_moment_in_an_address_is_that_moment(at: int):
    assert parse_moment(moment(at)).first == at


def test_a_stretch_says_its_day_once():
    assert stretch(NOW_MS - 60_000, NOW_MS) == "23 Nov 21:15–21:16"
    assert stretch(NOW_MS - 86_400_000, NOW_MS + 5_000) == "22 Nov 21:16:00–23 Nov 21:16:05"


def test_another_question_begins_on_its_first_page_and_columns_keep_the_place():
    asked = Asked(q="a", since="6h", cursor="c", open="e", copy="json", columns="type")
    assert link(asked, q="b") == "q=b&since=6h&columns=type"
    assert link(asked, columns="") == "q=a&since=6h&cursor=c&open=e&copy=json"
    assert link(asked, open="") == "q=a&since=6h&columns=type&cursor=c&copy=json"


def test_every_bar_stays_on_the_ground_and_shows_its_rarest_level():
    drawn = explore(records(5)).histogram
    assert drawn is not None
    for bar in drawn.bars:
        assert sum(each.height for each in bar.slices) <= HEIGHT + 0.1 * len(bar.slices)
        assert all(each.height >= LEAST and each.y >= 0 for each in bar.slices)
        assert [each.level for each in bar.slices] == [
            level for level in ("fatal", "error", "warn", "info", "debug") if f" {level}" in bar.words
        ]


@pytest.mark.parametrize(
    ("text", "names", "complaint"),
    [
        ("", (), ""),
        ("env, metadata.a.b,env", ("environment", "metadata.a.b"), ""),
        ("message,level,service,timestamp", (), ""),
        ("type,user_id,session_id,device_id,device_type,span_id,trace_id",
         ("type", "user_id", "session_id", "device_id", "device_type", "span_id"), "At most 6 columns"),
        ("type,nonsense!", ("type",), "There is no field `nonsense!`"),
    ],
)  # fmt: skip
def test_columns_are_fields(text: str, names: tuple[str, ...], complaint: str):
    found, said = columns_in(text)
    assert found == names
    assert said.startswith(complaint)


def test_a_column_has_every_value_of_an_array():
    record = msgspec.structs.replace(records(1)[0], metadata={"tags": ["a", 1, None, {"x": 2}]})
    assert values_of(record, "metadata.tags") == ("a", "1")
    assert values_of(record, "metadata.tags.x") == ("2",)


def taken(rows: list[Record], q: str = "") -> Taken:
    return Taken(
        rows=rows, logs="https://scry.example.com/api/orgs/acme/projects/shop/logs", q=q, within=WITHIN,
        project="Web shop (acme/shop)", said="1–100 of 12,400", limit=100,
    )  # fmt: skip


def test_an_assistant_gets_no_more_than_it_has_patience_for():
    long = [msgspec.structs.replace(each, message="x" * 900) for each in records(100)]
    text = copies.snippet(taken(long), "assistant", "all").text
    assert len(text) <= ASSISTANT_CHARACTERS
    shown = text.count("\n| ")
    assert f"({100 - shown} more events of this page left out.)" in text


@given(st.text(max_size=40))
def test_commands_are_each_one_command_whatever_the_query(q: str):
    words = shlex.split(copies.snippet(taken([], q), "scry", "all").text)
    assert words[:2] == ["scry", "search"]
    assert not q or words[-2:] == ["--", q]
    words = shlex.split(copies.snippet(taken([], q), "curl", "all").text.replace("\\\n", " "))
    assert words[0] == "curl"
    assert len(words) == 4


@given(st.text(max_size=40))
def test_json_stays_json_when_what_cannot_be_seen_is_escaped(text: str):
    record = msgspec.structs.replace(records(1)[0], message=text)
    copied = copies.snippet(taken([record]), "json", "all").text
    assert msgspec.json.decode(copied, type=list[Record]) == [record]
    assert visible(copied.replace("\n", "")) == copied.replace("\n", "")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), max_size=8))
def test_depths_are_finite_whatever_calls_what(spans: list[tuple[str, str]]):
    found = [
        msgspec.structs.replace(each, span_id=span, metadata={"parent_span_id": parent})
        for each, (span, parent) in zip(records(len(spans)), spans, strict=True)
    ]
    assert all(0 <= each.depth <= 8 for each in steps(found))


def test_the_way_out_of_a_stretch_of_time_is_three_times_as_wide_and_ends_now():
    out = histogram(Asked(), line(WITHIN, 1), NOW_MS).out_link
    assert out == f"from={moment(NOW_MS - 2 * 3_600_000)}&to={moment(NOW_MS)}"
