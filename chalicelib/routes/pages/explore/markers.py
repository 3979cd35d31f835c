"""Deploys on the histogram: a flag at the place of each, one flag for those of one bar, each a link."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final
from urllib.parse import urlencode

from chalicelib.events.query.counts import TimelineAnswer
from chalicelib.events.store.deploys import Deploy
from chalicelib.routes.pages.explore.wording import cut, many, moment, stretch, visible
from chalicelib.routes.pages.views.explore import Flag

LONGEST_NAME: Final = 60
LISTED: Final = 3


def flags(deploys: Sequence[Deploy], line: TimelineAnswer, project: str) -> tuple[Flag, ...]:
    """From left to right. `project` is the path of the project's pages."""
    if not line.series:
        return ()
    first, width = line.series[0].t, line.bucket_ms
    shown = sorted((each for each in deploys if each.at >= first), key=lambda each: (each.at, each.id))
    found = []
    for bar, group in groupby(shown, key=lambda each: (each.at - first) // width):
        at = [*group]
        x = round(100 * (at[0].at - first) / (width * len(line.series)), 2)
        found.append(_one(x, at[0], project) if len(at) == 1 else _several(x, at, first + bar * width, width, project))
    return tuple(found)


def named(deploy: Deploy) -> str:
    """`v1.4.2, checkout, production`, as far as it is known."""
    return ", ".join(visible(cut(each, LONGEST_NAME)) for each in deploy.release.identity if each)


def _one(x: float, deploy: Deploy, project: str) -> Flag:
    return Flag(x, f"{_moment(deploy.at)} deploy {named(deploy)}", f"{project}/deploys/{deploy.id}")


def _several(x: float, deploys: Sequence[Deploy], begin: int, width: int, project: str) -> Flag:
    listed = "; ".join(named(each) for each in deploys[:LISTED])
    more = f"; {len(deploys) - LISTED:,} more" if len(deploys) > LISTED else ""
    asked = urlencode({"from": moment(begin), "to": moment(begin + width)}, safe=":")
    words = f"{stretch(begin, begin + width)}: {many(len(deploys), 'deploy')}: {listed}{more}"
    return Flag(x, words, f"{project}/deploys?{asked}", len(deploys))


def _moment(at: int) -> str:
    return stretch(at, at).partition("–")[0]
