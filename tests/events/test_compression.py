"""One Zstandard for blocks, bodies and answers: of two, one could read what the other wrote and the reverse not."""

from pathlib import Path

from chalicelib import compression
from chalicelib.events.block import frames
from chalicelib.events.decode import coding

PACKAGE = Path(compression.__file__).parent


def test_where_it_comes_from_is_decided_in_one_place() -> None:
    asking = [path.name for path in PACKAGE.rglob("*.py") if "backports" in path.read_text()]
    assert asking == ["compression.py"]
    assert frames.zstd is coding.zstd is compression.zstd
