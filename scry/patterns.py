"""`scry patterns`: what the messages are like, how often, and what is new, rising, or back since it was resolved."""

import argparse
from typing import Any, Final

from scry.asking import Parameters, Project, objects
from scry.options import positive, question
from scry.showing import LEVELS, Output
from scry.terminal import Paint, harmless, is_terminal, time_text

ONLY: Final = ("all", "new", "rising", "regressed", "resolved")
LONGEST: Final = 160


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.description = (
        "Groups messages that differ only in numbers, ids, times, addresses and quoted text, the largest group first. "
        "Cheap over days, unless the query asks for more than levels."
    )
    question(parser, usual="24h")
    parser.add_argument("--limit", type=positive, default=30, metavar="N")
    parser.add_argument("--only", choices=ONLY, default="all", help="new: first seen within a day")
    return parser


def patterns(project: Project, output: Output, parameters: Parameters) -> None:
    """Prints a line for each pattern: count, what became of it, its heaviest level, and its text."""
    said = project.said("/patterns", parameters)
    if output.as_json:
        output.line(output.json(said))
        return
    found = objects(said, "patterns")
    paint = Paint(is_terminal(output.out))
    rows = [(f"{_whole(each, 'count'):,}", _flag(each), _level(each), _text(each)) for each in found]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(3)]
    for count, flag, level, text in rows:
        output.line(
            f"{count:>{widths[0]}}  {flag:<{widths[1]}}  {paint(f'{level:<{widths[2]}}', level)}  {text}".rstrip()
        )
    _remark(said, len(found), output)


def _remark(said: dict[str, Any], shown: int, output: Output) -> None:
    of, other = _whole(said, "of"), _whole(said, "other")
    begin, end = (time_text(_whole(said, name))[:16] for name in ("from", "to"))
    patterns = "1 pattern" if of == 1 else f"{of:,} patterns"
    output.remark(f"{patterns} in {_whole(said, 'events'):,} events, {begin} to {end}")
    if shown < of:
        output.remark(f"{shown:,} shown (--limit)")
    if other:
        output.remark(f"{other:,} events have patterns beyond those that are told apart")
    if said.get("partial"):
        output.remark("partial: the server stopped before the end of the range; the true numbers are larger")


def _flag(each: dict[str, Any]) -> str:
    state = each.get("state")
    if state in ("regressed", "resolved"):
        return str(state)
    return "new" if each.get("new") is True else "rising" if each.get("rising") is True else ""


def _level(each: dict[str, Any]) -> str:
    levels = each.get("levels")
    counted = levels if isinstance(levels, dict) else {}
    return next((level for level in reversed(LEVELS) if counted.get(level)), "")


def _text(each: dict[str, Any]) -> str:
    text = harmless(str(each.get("template") or "")) or "(no message)"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _whole(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
