"""Ways to ask more exactly: values of fields with their counts, the query's terms, examples that find something."""

from typing import Final

from chalicelib.events.event import LEVELS
from chalicelib.events.query.counts import Facet as Counted
from chalicelib.events.query.editing import edited, is_asked, terms_of, value_test, without
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.labels import LABEL_LENGTH
from chalicelib.routes.pages.explore.asked import Asked, Ranged, link, link_of
from chalicelib.routes.pages.explore.found import Found, Values
from chalicelib.routes.pages.explore.wording import cut, visible
from chalicelib.routes.pages.views.explore import Chip, Example, Facet, FacetValue

SHOWN_VALUES: Final = 8
LONGEST_VALUE: Final = 60
LONGEST_CHIP: Final = 120
SUGGESTED: Final = 40


def facets(asked: Asked, query: Expression, found: Found) -> tuple[Facet, ...]:
    """Every field whose values were counted. Levels are those of the histogram where it knows them all."""
    return tuple(_facet(asked, query, _better(each, found)) for each in found.values)


def chips(asked: Ranged, query: Expression) -> tuple[Chip, ...]:
    """The query's terms, each with the way to be rid of it."""
    return tuple(
        Chip(visible(cut(describe(term), LONGEST_CHIP)), link_of(asked, without(query, place)))
        for place, term in enumerate(terms_of(query))
    )


def suggestions(found: Found | None) -> tuple[str, ...]:
    """Terms that find something here, for the field to offer."""
    if found is None:
        return ()
    terms = [describe(value_test(each.field, value.value)) for each in found.values for value in each.values]
    names = [f"{each.field}:" for each in found.values]
    return tuple(dict.fromkeys(text for text in [*terms, *names] if text == visible(text)))[:SUGGESTED]


def examples(asked: Asked, found: Found | None) -> tuple[Example, ...]:
    """The language in a few lines, with values of this project where some are known."""
    tops = {each.field: each.values[0].value for each in (found.values if found else ())}
    service = describe(value_test("service", tops.get("service", "checkout")))
    metadata = next((field for field in tops if field.startswith("metadata.")), "metadata.order_id")
    path = describe(value_test(metadata, tops.get(metadata, "1001")))
    lines = (
        ("timeout", "in the message, in any case"),
        ('"card declined"', "exactly this phrase"),
        ("level>=warn", "this level and heavier ones"),
        (service, "a field's whole value; `*` at the end for its beginning"),
        (f"-{service}", "everything else; `-` excludes anything"),
        (path, "metadata, by its path; numbers by size with `>` and `<`"),
        (f"level>=error ({service} OR timeout)", "side by side is and; `OR`, parentheses"),
    )
    return tuple(Example(visible(text), words, link(asked, q=text)) for text, words in lines)


def _better(counted: Values, found: Found) -> Values:
    if counted.field != "level" or found.histogram.partial:
        return counted
    sums = {level: sum(bucket.counts.get(level, 0) for bucket in found.histogram.series) for level in LEVELS[::-1]}
    known = [Counted(level, count) for level, count in sums.items() if count]
    return Values("level", tuple(known), sum(sums.values())) if known else counted


def _facet(asked: Asked, query: Expression, counted: Values) -> Facet:
    values = tuple(
        _value(asked, query, counted.field, each.value, each.count) for each in counted.values[:SHOWN_VALUES]
    )
    return Facet(visible(counted.field), counted.of, values, levels=counted.field == "level")


def _value(asked: Asked, query: Expression, field: str, value: str, count: int) -> FacetValue:
    text = visible(cut(value, LONGEST_VALUE))
    if len(value) >= LABEL_LENGTH:  # cut where it was counted: nothing equals it
        return FacetValue(text, count, "", "", "")
    only, include, exclude = (
        _changed(asked, query, edited(query, field, value, how)) for how in ("only", "include", "exclude")
    )
    return FacetValue(
        text, count, only, "" if include == only else include, exclude, is_asked(query, field, value) or ""
    )


def _changed(asked: Asked, query: Expression, changed: Expression) -> str:
    return "" if changed == query else link_of(asked, changed)
