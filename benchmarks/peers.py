"""DuckDB and ClickHouse (chDB) over the same NDJSON, one thread, each in a process of its own.

    python -m benchmarks.peers duckdb|chdb FILE FOLDER REPEATS

prints what was measured as JSON. Tables are as somebody would make them who knows these columns: ClickHouse with
low-cardinality strings and the compression that the blocks have too, DuckDB with its own choice.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from benchmarks.laboratory import cpu_seconds


class Measured(msgspec.Struct, frozen=True):
    """CPU seconds of the peer's process, and what two of the queries answered."""

    ingest: float
    bytes: int
    filtered: float
    matches: int
    counted: float
    groups: int
    newest: float


Peers = Mapping[str, Measured | None]
"""By name; None where one is not installed."""


def measured(lines: Path, folder: Path, *, repeats: int) -> Peers:
    return {name: _measured(package, lines, folder, repeats) for name, package in _PACKAGES.items()}


def _measured(package: str, lines: Path, folder: Path, repeats: int) -> Measured | None:
    if importlib.util.find_spec(package) is None:
        return None
    command = [sys.executable, "-m", "benchmarks.peers", package, str(lines), str(folder), str(repeats)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(finished.stdout, type=Measured)


_PACKAGES: Final = {"DuckDB": "duckdb", "ClickHouse (chDB)": "chdb"}
_TEXTS: Final = ("message", "user_id", "session_id", "trace_id", "span_id")
_WORDS: Final = ("level", "type", "service", "environment", "device_type")


class DuckDB:
    minutes = "timestamp // 60000"

    def __init__(self, folder: Path) -> None:
        import duckdb

        self._file = folder / "events.duckdb"
        self._connection = duckdb.connect(str(self._file))
        self._connection.execute("SET threads = 1")

    def ingest(self, lines: Path) -> None:
        names = ", ".join(f"{name}: 'VARCHAR'" for name in (*_WORDS, *_TEXTS))
        columns = f"{{timestamp: 'BIGINT', {names}, metadata: 'JSON'}}"
        source = f"read_json('{lines}', format = 'newline_delimited', columns = {columns})"
        self._connection.execute(f"CREATE TABLE events AS FROM {source}")
        self._connection.execute("CHECKPOINT")

    def size(self) -> int:
        return self._file.stat().st_size

    def number(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def rows(self, query: str) -> object:
        return self._connection.execute(query).fetchall()


class ClickHouse:
    minutes = "intDiv(timestamp, 60000)"

    def __init__(self, folder: Path) -> None:
        from chdb import session

        opened: Any = session.Session  # ships without types
        self._session = opened(str(folder / "clickhouse"))

    def ingest(self, lines: Path) -> None:
        codec = "CODEC(ZSTD(9))"
        words = ", ".join(f"{name} LowCardinality(String) {codec}" for name in _WORDS)
        texts = ", ".join(f"{name} String {codec}" for name in (*_TEXTS, "metadata"))
        columns = f"timestamp Int64 CODEC(Delta, ZSTD(9)), {words}, {texts}"
        self._session.query(f"CREATE TABLE events ({columns}) ENGINE = MergeTree ORDER BY timestamp")
        named = ("timestamp Int64", *(f"{name} String" for name in (*_WORDS, *_TEXTS, "metadata")))
        names = ", ".join(name.partition(" ")[0] for name in named)
        source = f"file('{lines}', 'JSONEachRow', '{', '.join(named)}')"
        settings = "input_format_json_read_objects_as_strings = 1, input_format_parallel_parsing = 0, max_threads = 1"
        self._session.query(f"INSERT INTO events ({names}) SELECT {names} FROM {source} SETTINGS {settings}")

    def size(self) -> int:
        return self.number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'")

    def number(self, query: str) -> int:
        return int(str(self.rows(query)))

    def rows(self, query: str) -> object:
        return self._session.query(f"{query} SETTINGS max_threads = 1", "TSV")


_BY_PACKAGE: Final[Mapping[str, Callable[[Path], Any]]] = MappingProxyType({"duckdb": DuckDB, "chdb": ClickHouse})


def _measure(name: str, lines: Path, folder: Path, repeats: int) -> Measured:
    peer = _BY_PACKAGE[name](folder)
    ingest = cpu_seconds(lambda: peer.ingest(lines))
    matching = "SELECT count(*) FROM events WHERE level = 'error' AND message ILIKE '%timed out%'"
    counting = f"SELECT {peer.minutes} AS minute, level, count(*) AS n FROM events GROUP BY minute, level"
    newest = (
        "SELECT * FROM events WHERE level = 'error' AND message ILIKE '%timed out%' ORDER BY timestamp DESC LIMIT 100"
    )
    # The groups are added up, so that both peers answer with a number: reading rows back would measure the binding.
    groups = f"SELECT count(*) FROM ({counting}) WHERE n > 0"
    return Measured(
        ingest=ingest,
        bytes=peer.size(),
        filtered=min(cpu_seconds(lambda: peer.number(matching)) for _ in range(repeats)),
        matches=peer.number(matching),
        counted=min(cpu_seconds(lambda: peer.number(groups)) for _ in range(repeats)),
        groups=peer.number(groups),
        newest=min(cpu_seconds(lambda: peer.rows(newest)) for _ in range(repeats)),
    )


if __name__ == "__main__":
    _name, _lines, _folder, _repeats = sys.argv[1:]
    print(msgspec.json.encode(_measure(_name, Path(_lines), Path(_folder), int(_repeats))).decode())
