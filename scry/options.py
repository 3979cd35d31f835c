"""The options of each command."""

import argparse
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from scry.send import SHOWN


def common() -> argparse.ArgumentParser:
    """What every command has that talks to a server."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--ready", type=Path, metavar="FILE", help="take URL, keys and project from this ready.json")
    common.add_argument("--org", help="instead of the configured one")
    common.add_argument("--project", help="instead of the configured one")
    return common


def send(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    options.description = (
        'Sends NDJSON, JSON documents ({"events": […]} or an array) and plain text, of which time and level are '
        "guessed and stack traces joined. Sending a file again stores nothing twice."
    )
    options.add_argument("files", nargs="+", metavar="FILE", help="- is standard input; gzip is recognised")
    options.add_argument("--format", choices=("auto", "ndjson", "json", "text"), default="auto")
    options.add_argument("--service", default="", help="of events that name none")
    options.add_argument("--environment", default="", help="of events that name none")
    options.add_argument(
        "--timezone", type=_zone, metavar="NAME", help="of times without one (default: this machine's)"
    )
    options.add_argument(
        "--now", action="store_true", help="store at the time of receipt, with the line's own beside it"
    )
    options.add_argument("--patience", type=_seconds, default=300.0, metavar="SECONDS", help="to retry one batch (300)")
    options.add_argument("--all-rejected", action="store_true", help=f"name every rejected line, not the first {SHOWN}")
    options.add_argument("--json", action="store_true", help="print the totals as JSON")
    return options


def search(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    question(options)
    options.add_argument("--limit", type=positive, default=100, metavar="N")
    options.add_argument("--order", choices=("newest", "oldest"), default="newest")
    options.add_argument("--fields", default="", metavar="A,B", help="also show these, like metadata.http.status")
    return options


def tail(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    options.add_argument("query", nargs="?", default="")
    options.add_argument("--fields", default="", metavar="A,B", help="also show these")
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    return options


def count(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    question(options)
    options.add_argument("--by", default="", metavar="FIELD[,FIELD]")
    return options


def timeline(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    question(options)
    options.add_argument("--buckets", type=positive, default=24, metavar="N")
    return options


def login(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    options.add_argument("url", metavar="URL", help="of the server, like https://logs.example.com")
    options.add_argument("--org", required=True, help="as it stands in addresses")
    options.add_argument("--project", required=True, help="as it stands in addresses")
    options.add_argument("--no-browser", action="store_true", help="only print the address to open")
    return options


def question(options: argparse.ArgumentParser, *, usual: str = "1h") -> None:
    """A query and a stretch of time."""
    options.add_argument(
        "query", nargs="?", default="", help="such as 'level>=warn timeout'; after -- if it begins with -"
    )
    options.add_argument("--since", default="", metavar="AGE", help=f"such as 15m, 2h, 7d (default: {usual})")
    options.add_argument(
        "--from",
        dest="start",
        default="",
        metavar="TIME",
        help="RFC 3339, epoch milliseconds, or words: 'yesterday 17:30'",
    )
    options.add_argument("--to", dest="end", default="", metavar="TIME")
    options.add_argument("--json", action="store_true", help="print JSON")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"no time zone {name!r} (like UTC or Europe/Vienna)") from error


def positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def _seconds(text: str) -> float:
    return float(positive(text))
