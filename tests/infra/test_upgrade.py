"""`make upgrade` moves versions and nothing else."""

from infra.upgrade import repinned

PINS = """# What ships.
-r requirements.txt
backports.zstd==1.8.0; python_version < "3.14"
Moto[dynamodb,server]==5.2.5
msgspec==0.22.0
"""


def test_only_versions_move_and_names_match_in_any_spelling():
    assert repinned(PINS, {"backports-zstd": "1.9.0", "moto": "6.0.0", "pytest": "10.0"}) == PINS.replace(
        "1.8.0", "1.9.0"
    ).replace("5.2.5", "6.0.0")
