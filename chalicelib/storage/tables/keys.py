"""Every key of every item, built here and nowhere else; `docs/storage-schema.md` says what stands under each.

All tables have the binary keys `p` (partition) and `s` (sort). What belongs to a project begins with organisation and
project, as 8 raw bytes each, so that no query can leave them. Numbers are big-endian: bytes sort as the numbers do.
"""

from typing import Final

from chalicelib.ids import BatchId, OrgId, ProjectId, Slot

EVENTS: Final = "events"
TENANTS: Final = "tenants"
KEYS: Final = "keys"
USERS: Final = "users"
WORK: Final = "work"

BLOCK: Final = b"b"
DETAIL: Final = b"d"
MERGED: Final = b"m"

ONLY: Final = b"-"
"""The sort key of an item that is alone in its partition."""

RECEIPT_PARTITIONS: Final = 16
WORK_PARTITIONS: Final = 16
TIMESTAMP_LIMIT: Final = 1 << 48
"""Sort keys hold timestamps in 6 bytes: milliseconds until the year 10889."""


# --- events -----------------------------------------------------------------------------------------------------------


def slot_partition(org: OrgId, project: ProjectId, slot: Slot, shard: int) -> bytes:
    return org + project + b"e" + slot.to_bytes(4, "big") + bytes((shard,))


def block_sort(last: int, batch: BatchId, part: int) -> bytes:
    return BLOCK + last.to_bytes(6, "big") + batch + part.to_bytes(2, "big")


def detail_sort(last: int, batch: BatchId, part: int, digest: bytes) -> bytes:
    return DETAIL + last.to_bytes(6, "big") + batch + part.to_bytes(2, "big") + digest


def merged_sort(generation: int) -> bytes:
    return MERGED + generation.to_bytes(4, "big")


def merged_detail_sort(generation: int, digest: bytes) -> bytes:
    return DETAIL + MERGED + generation.to_bytes(4, "big") + digest


def block_identity(sort: bytes) -> tuple[int, BatchId, int]:
    """The last timestamp, batch and part that a block's or a detail's sort key names."""
    return int.from_bytes(sort[1:7], "big"), BatchId(sort[7:17]), int.from_bytes(sort[17:19], "big")


def merged_generation(sort: bytes) -> int:
    return int.from_bytes(sort[1:5], "big")


def block_range(oldest: int, newest: int) -> tuple[bytes, bytes]:
    """The sort keys between which all blocks stand whose last timestamps are from `oldest` to `newest`, both included."""
    return BLOCK + oldest.to_bytes(6, "big"), BLOCK + (newest + 1).to_bytes(6, "big")


def receipt_partition(org: OrgId, project: ProjectId, batch: BatchId) -> bytes:
    return org + project + b"r" + bytes((batch[0] % RECEIPT_PARTITIONS,))


def dictionary_partition(org: OrgId, project: ProjectId) -> bytes:
    return org + project + b"k"


def dictionary_sort(version: int) -> bytes:
    return version.to_bytes(4, "big")


def index_partition(org: OrgId, project: ProjectId) -> bytes:
    return org + project + b"i"


def index_hour_sort(slot: Slot) -> bytes:
    return b"h" + slot.to_bytes(4, "big")


def index_hour(sort: bytes) -> Slot:
    return Slot(int.from_bytes(sort[1:5], "big"))


WATERMARK: Final = b"w"


# --- work -------------------------------------------------------------------------------------------------------------


def work_partition(hour: Slot, number: int) -> bytes:
    return b"w" + hour.to_bytes(4, "big") + bytes((number,))


def work_number(project: ProjectId) -> int:
    return project[0] % WORK_PARTITIONS


def work_sort(org: OrgId, project: ProjectId, slot: Slot) -> bytes:
    return org + project + slot.to_bytes(4, "big")


def work_identity(sort: bytes) -> tuple[OrgId, ProjectId, Slot]:
    return OrgId(sort[:8]), ProjectId(sort[8:16]), Slot(int.from_bytes(sort[16:20], "big"))


def lease_partition(job: str) -> bytes:
    return b"l" + job.encode()


def project_list_partition(number: int) -> bytes:
    return b"p" + bytes((number,))


def project_list_sort(org: OrgId, project: ProjectId) -> bytes:
    return org + project


def project_list_identity(sort: bytes) -> tuple[OrgId, ProjectId]:
    return OrgId(sort[:8]), ProjectId(sort[8:16])


# --- tenants ----------------------------------------------------------------------------------------------------------


def org_partition(org: OrgId) -> bytes:
    return b"o" + org


ORG: Final = b"o"


PROJECT: Final = b"p"


def project_sort(project: ProjectId) -> bytes:
    return PROJECT + project


def project_slug_sort(slug: str) -> bytes:
    return b"u" + slug.encode()


def member_sort(user: bytes) -> bytes:
    return b"m" + user


def org_slug_partition(slug: str) -> bytes:
    return b"u" + slug.encode()


# --- keys and users ---------------------------------------------------------------------------------------------------


def key_partition(key_id: str) -> bytes:
    return b"k" + key_id.encode()


def project_keys_partition(org: OrgId, project: ProjectId) -> bytes:
    return b"p" + org + project


def project_key_sort(key_id: str) -> bytes:
    return key_id.encode()


def user_partition(user: bytes) -> bytes:
    return b"u" + user


def email_partition(digest: bytes) -> bytes:
    return b"e" + digest
