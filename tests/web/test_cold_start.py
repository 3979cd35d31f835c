"""What a function imports before its first request, which every client of a cold one waits for."""

import subprocess
import sys

HEAVY = ("argon2", "boto3", "botocore", "cryptography", "difflib", "jinja2", "jwt", "pynamodb", "segno")
"""20 to 210 ms each, `difflib` 1 ms. What needs one imports it when it is asked for."""

DATACLASSES = """
import app, sys
for name, module in sorted(sys.modules.items()):
    for found in vars(module).values() if name.startswith("chalicelib.") else ():
        if isinstance(found, type) and found.__module__ == name and "__dataclass_fields__" in vars(found):
            print(f"{name}.{found.__name__}")
"""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    assert printed(f"import app, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])") == []


def test_no_class_is_compiled_on_the_way() -> None:
    """A dataclass writes its methods as source and compiles it, 0.3 ms each time; a msgspec `Struct` does not."""
    assert printed(DATACLASSES) == []


def printed(program: str) -> list[str]:
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    return finished.stdout.split()
