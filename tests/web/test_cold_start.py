"""What a function imports before its first request, which every client of a cold one waits for."""

import subprocess
import sys

HEAVY = ("argon2", "boto3", "botocore", "cryptography", "jinja2", "jwt", "pynamodb", "segno")
"""20 to 210 ms each. What needs one imports it when it is asked for."""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = f"import app, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert imported.stdout.split() == []
