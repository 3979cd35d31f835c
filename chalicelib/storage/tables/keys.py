"""Every key of every item, built here and nowhere else; `docs/storage-schema.md` says what stands under each.

All tables have the binary keys `p` (partition) and `s` (sort). What belongs to a project begins with organisation and
project, as 8 raw bytes each, so that no query can leave them. Numbers are big-endian: bytes sort as the numbers do.
"""

from typing import Final

from chalicelib.ids import BatchId, GrantId, OrgId, ProjectId, Slot, UserId

EVENTS: Final = "events"
TENANTS: Final = "tenants"
KEYS: Final = "keys"
USERS: Final = "users"
WORK: Final = "work"
AUDIT: Final = "audit"
SESSIONS: Final = "sessions"
LIMITS: Final = "limits"
OUTBOX: Final = "outbox"
CLIENTS: Final = "clients"
GRANTS: Final = "grants"
TOKENS: Final = "tokens"
RECEIPTS: Final = "receipts"

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
    """The sort keys between which all blocks stand that end from `oldest` to `newest`, both included."""
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
REJECTIONS: Final = b"x"
PURGED: Final = b"g"

DEPLOY: Final = b"v"
DEPLOYS_COUNTED: Final = b"y"


def deploy_sort(at_ms: int, chance: bytes = b"") -> bytes:
    """Without chance it stands before all markers of its millisecond."""
    return DEPLOY + at_ms.to_bytes(6, "big") + chance


DEPLOY_REQUEST: Final = b"z"


def deploy_request_sort(digest: bytes) -> bytes:
    return DEPLOY_REQUEST + digest[:16]


PATTERN_TEMPLATES: Final = b"q"
PATTERN_STATE: Final = b"s"


def pattern_hour_sort(slot: Slot) -> bytes:
    return b"p" + slot.to_bytes(4, "big")


def pattern_hour(sort: bytes) -> Slot:
    return Slot(int.from_bytes(sort[1:5], "big"))


def pattern_templates_sort(pattern: bytes) -> bytes:
    """Where the text of a pattern stands, with all whose ids begin with the same four bits."""
    return PATTERN_TEMPLATES + bytes((pattern[0] >> 4,))


def pattern_state_sort(pattern: bytes) -> bytes:
    return PATTERN_STATE + pattern


def pattern_of(sort: bytes) -> bytes:
    return sort[1:]


def usage_partition(org: OrgId, project: ProjectId) -> bytes:
    return org + project + b"u"


def usage_key_sort(day: int, key_id: str) -> bytes:
    return day.to_bytes(4, "big") + b"k" + key_id.encode()


def usage_reason_sort(day: int, reason: str) -> bytes:
    return day.to_bytes(4, "big") + b"r" + reason.encode()


def usage_range(first: int, last: int) -> tuple[bytes, bytes]:
    """The sort keys between which all counters stand of the days from `first` to `last`, both included."""
    return first.to_bytes(4, "big"), (last + 1).to_bytes(4, "big")


def usage_identity(sort: bytes) -> tuple[int, str, str]:
    """The day of a counter, its kind (`k` or `r`), and the key's id or the reason."""
    return int.from_bytes(sort[:4], "big"), sort[4:5].decode(), sort[5:].decode()


# --- work -------------------------------------------------------------------------------------------------------------


def work_partition(number: int) -> bytes:
    return b"w" + bytes((number,))


def work_number(project: ProjectId) -> int:
    return project[0] % WORK_PARTITIONS


def work_sort(hour: Slot, org: OrgId, project: ProjectId, slot: Slot) -> bytes:
    return hour.to_bytes(4, "big") + org + project + slot.to_bytes(4, "big")


def work_identity(sort: bytes) -> tuple[Slot, OrgId, ProjectId, Slot]:
    hour, slot = (Slot(int.from_bytes(number, "big")) for number in (sort[:4], sort[20:24]))
    return hour, OrgId(sort[4:12]), ProjectId(sort[12:20]), slot


def lease_partition(job: str) -> bytes:
    return b"l" + job.encode()


def project_list_partition(number: int) -> bytes:
    return b"p" + bytes((number,))


def project_list_sort(org: OrgId, project: ProjectId) -> bytes:
    return org + project


def project_list_identity(sort: bytes) -> tuple[OrgId, ProjectId]:
    return OrgId(sort[:8]), ProjectId(sort[8:16])


ERASURES: Final = b"e"
"""The partition of everything that is being erased."""


def project_erasure_sort(org: OrgId, project: ProjectId) -> bytes:
    return b"p" + org + project


def window_erasure_sort(org: OrgId, project: ProjectId) -> bytes:
    """Of what a shortened window leaves behind."""
    return b"w" + org + project


def org_erasure_sort(org: OrgId) -> bytes:
    return b"q" + org


def account_erasure_sort(user: UserId) -> bytes:
    return b"u" + user


# --- tenants ----------------------------------------------------------------------------------------------------------


def org_partition(org: OrgId) -> bytes:
    return b"o" + org


ORG: Final = b"o"


PROJECT: Final = b"p"


def project_sort(project: ProjectId) -> bytes:
    return PROJECT + project


def project_slug_sort(slug: str) -> bytes:
    return b"u" + slug.encode()


MEMBER: Final = b"m"


def member_sort(user: UserId) -> bytes:
    return MEMBER + user


def org_slug_partition(slug: str) -> bytes:
    return b"u" + slug.encode()


def invitation_partition(invitation: bytes) -> bytes:
    return b"i" + invitation


INVITATION: Final = b"i"


def invitation_sort(invitation: bytes) -> bytes:
    """Of its twin, under the organisation."""
    return INVITATION + invitation


def address_invitations_partition(digest: bytes) -> bytes:
    """Where the open invitations for an address are listed, whichever organisation made them."""
    return b"a" + digest


def project_views_partition(org: OrgId, project: ProjectId) -> bytes:
    """Where the saved views of a project are: a list for all its members, and one of each member's own."""
    return b"v" + org + project


SHARED_VIEWS: Final = b"s"


def own_views_sort(user: UserId) -> bytes:
    return b"u" + user


# --- keys and users ---------------------------------------------------------------------------------------------------


def key_partition(key_id: str) -> bytes:
    return b"k" + key_id.encode()


def org_keys_partition(org: OrgId) -> bytes:
    """Where the keys of an organisation are listed, project by project."""
    return b"o" + org


def project_key_sort(project: ProjectId, key_id: str = "") -> bytes:
    return project + key_id.encode()


def user_partition(user: bytes) -> bytes:
    return b"u" + user


MEMBERSHIP: Final = b"o"


def membership_sort(org: OrgId) -> bytes:
    """Of a membership's twin, under the person."""
    return MEMBERSHIP + org


def email_partition(digest: bytes) -> bytes:
    return b"e" + digest


FIRST_ACCOUNT: Final = b"f"
"""The partition of the item that says that somebody has signed up here."""

SECOND_FACTOR: Final = b"f"

RECOVERY: Final = b"r"


def recovery_sort(digest: bytes) -> bytes:
    return RECOVERY + digest[:16]


# --- sessions, devices, single-use links ------------------------------------------------------------------------------


SESSION: Final = b"s"
DEVICE: Final = b"d"


def session_partition(handle: bytes) -> bytes:
    return b"s" + handle


def person_partition(user: bytes) -> bytes:
    """A person's own sessions and devices, listed."""
    return b"u" + user


def session_sort(handle: bytes) -> bytes:
    return SESSION + handle


def device_sort(handle: bytes) -> bytes:
    return DEVICE + handle


def spent_link_partition(link: bytes) -> bytes:
    return b"j" + link


def pending_sign_up_partition(link: bytes) -> bytes:
    return b"n" + link


def address_sign_ups_partition(digest: bytes) -> bytes:
    """Where the sign-ups of an address are listed that are not confirmed."""
    return b"a" + digest


def listed_sign_up_sort(link: bytes) -> bytes:
    return link


# --- grants and their tokens ------------------------------------------------------------------------------------------


def grant_partition(grant: GrantId) -> bytes:
    return b"g" + grant


def project_grants_partition(org: OrgId, project: ProjectId) -> bytes:
    """Where the connections of a project are listed."""
    return b"p" + org + project


def project_grant_sort(grant: GrantId) -> bytes:
    return grant


def person_grants_partition(user: UserId) -> bytes:
    """Where the connections are listed that somebody allowed, organisation by organisation."""
    return b"u" + user


def person_grant_sort(org: OrgId, project: ProjectId, grant: GrantId) -> bytes:
    return org + project + grant


def project_trail_partition(org: OrgId, project: ProjectId) -> bytes:
    """Where the connections are listed that a project has or had, for as long as anything of them is left."""
    return b"t" + org + project


def person_trail_partition(user: UserId) -> bytes:
    """The same, of who allowed them."""
    return b"w" + user


def trail_sort(grant: GrantId) -> bytes:
    return grant


def activity_partition(grant: GrantId) -> bytes:
    return b"a" + grant


def activity_sort(at_ms: int, chance: bytes) -> bytes:
    return at_ms.to_bytes(6, "big") + chance


def access_token_partition(token: bytes) -> bytes:
    return b"t" + token


def grant_tokens_partition(grant: GrantId) -> bytes:
    """Where the access tokens of a connection are listed."""
    return b"g" + grant


def grant_token_sort(token: bytes) -> bytes:
    return token


def code_partition(code: bytes) -> bytes:
    return b"c" + code


def project_codes_partition(org: OrgId, project: ProjectId) -> bytes:
    """Where the codes for a project are listed that nobody redeemed."""
    return b"p" + org + project


def person_codes_partition(user: UserId) -> bytes:
    """The same, of who approved them."""
    return b"u" + user


def listed_code_sort(code: bytes) -> bytes:
    return code


# --- limits, mail -----------------------------------------------------------------------------------------------------


def limit_partition(digest: bytes) -> bytes:
    return b"l" + digest


OUTBOX_PARTITION: Final = b"o"


def outbox_sort(at_ms: int, chance: bytes) -> bytes:
    return at_ms.to_bytes(6, "big") + chance


# --- OAuth clients ----------------------------------------------------------------------------------------------------


def client_partition(digest: bytes) -> bytes:
    """Digests are those of SHA-256, of which 16 bytes are enough to tell two things apart that nobody guesses."""
    return b"c" + digest[:16]


def document_partition(digest: bytes) -> bytes:
    return b"d" + digest[:16]


def assertion_partition(digest: bytes) -> bytes:
    return b"j" + digest[:16]


# --- audit ------------------------------------------------------------------------------------------------------------


def org_audit_partition(org: OrgId) -> bytes:
    return b"o" + org


def person_audit_partition(user: UserId) -> bytes:
    return b"u" + user


def audit_sort(at: int, written: bytes = b"") -> bytes:
    """`written` tells the entries of a second apart; without it stands what comes before all of them."""
    return at.to_bytes(5, "big") + written


# --- receipts ---------------------------------------------------------------------------------------------------------


def org_receipts_partition(org: OrgId) -> bytes:
    return b"o" + org


def person_receipts_partition(user: UserId) -> bytes:
    return b"u" + user


def purge_receipt_sort(at: int, chance: bytes = b"") -> bytes:
    """Without chance it stands before all receipts of its second."""
    return at.to_bytes(5, "big") + chance
