"""The tables as pynamodb models: their definitions on every engine.

Not imported on the ingest path (it costs 120 ms of a cold start): hot paths use `storage.dynamodb` and `tables.keys`.
"""

from typing import Any, ClassVar, Final

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.models import Model

from chalicelib import settings
from chalicelib.storage.dynamodb import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from chalicelib.storage.tables import keys


class Meta:
    """What every model shares. `configure` adds the deployment's table name, region and endpoint."""

    billing_mode = PAY_PER_REQUEST_BILLING_MODE
    connect_timeout_seconds = CONNECT_SECONDS
    read_timeout_seconds = READ_SECONDS
    max_retry_attempts = ATTEMPTS


class Item(Model):
    """An item of any table: two binary keys."""

    table: ClassVar[str]
    ttl: ClassVar[str | None] = None

    p = BinaryAttribute(hash_key=True, legacy_encoding=False)
    s = BinaryAttribute(range_key=True, legacy_encoding=False)


class EventsItem(Item):
    """A block, a detail, a receipt, a dictionary or an hour of the index. Names are one letter: bytes are the bill.

    Organisation and project are the first 16 bytes of `p`.
    """

    class Meta(Meta):
        table_name = keys.EVENTS

    table = keys.EVENTS
    ttl = "t"

    b = BinaryAttribute(null=True, legacy_encoding=False)
    """The bytes: of a block, a detail, a dictionary or a receipt."""
    t = NumberAttribute(null=True)
    """When DynamoDB may delete it, in seconds since the epoch."""
    d = NumberAttribute(null=True)
    """How often an index hour was marked; of the watermark, the first hour that is not indexed."""
    i = NumberAttribute(null=True)
    """How many of an index hour's marks its counts include."""
    u = BinaryAttribute(null=True, legacy_encoding=False)
    """Who resolved a pattern."""
    n = UnicodeAttribute(null=True)
    """What they noted."""
    nonce = BinaryAttribute(null=True, legacy_encoding=False)
    """Which change wrote what is written together with something else."""
    a = NumberAttribute(null=True)
    """Of a day's counter: events that were accepted."""
    e = NumberAttribute(null=True)
    """Events that were there already."""
    r = NumberAttribute(null=True)
    """Events that were rejected."""
    z = NumberAttribute(null=True)
    """Bytes, as they were sent, before compression."""


class TenantItem(Item):
    """An organisation, one of its projects, members, invitations or lists of views, or the reservation of a slug."""

    class Meta(Meta):
        table_name = keys.TENANTS

    table = keys.TENANTS
    ttl = "expires_at"

    org = BinaryAttribute(legacy_encoding=False)
    project = BinaryAttribute(null=True, legacy_encoding=False)
    slug = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    created_at = NumberAttribute(null=True)
    retention_days = NumberAttribute(null=True)
    plan = UnicodeAttribute(null=True)
    """Of an organisation: the plan that it was given; without it the deployment's own."""
    plan_days = NumberAttribute(null=True)
    """The longest window that the plan gives. Projects have a copy of it."""
    events_a_day = NumberAttribute(null=True)
    """How many events a day the plan allows each project. Projects have a copy of it."""
    kept_from = NumberAttribute(null=True)
    """What happened before it, in milliseconds, was left behind when the window was shortened, and is gone for good."""
    warned_on = NumberAttribute(null=True)
    """The last day, counted from 1970, on which owners were told that a project's allowance runs out."""
    widest_days = NumberAttribute(null=True)
    """The longest window that a project ever had."""
    shards: ListAttribute[Any] = ListAttribute(null=True)
    """The shard plan: pairs of the first slot and the count that holds from there on."""
    state = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    """Of the settings: one more with each change of them."""
    owners = NumberAttribute(null=True)
    """How many owners an organisation has: never none."""
    second_factor = BooleanAttribute(null=True)
    """Whether an organisation requires one."""
    role = UnicodeAttribute(null=True)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    """The member, or who made an invitation."""
    membership = BinaryAttribute(null=True, legacy_encoding=False)
    """Made anew whenever somebody joins: what hangs on it ends with it, also if they join again."""
    raised_at = NumberAttribute(null=True)
    """When somebody else last gave a member more power: sessions of theirs get new ids since."""
    invitation = BinaryAttribute(null=True, legacy_encoding=False)
    email = UnicodeAttribute(null=True)
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of the secret in an invitation's link."""
    expires_at = NumberAttribute(null=True)
    views: ListAttribute[Any] = ListAttribute(null=True)
    """Saved views, each a map: `identity.views`."""
    deleted_at = NumberAttribute(null=True)
    """Since when an organisation or a project is a tombstone."""
    erased_at = NumberAttribute(null=True)
    """When it became the stub that stays."""
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class KeyItem(Item):
    """An API key by its id, and its twin in the organisation's list, which holds nothing but what leads to it."""

    class Meta(Meta):
        table_name = keys.KEYS

    table = keys.KEYS
    ttl = "expires_at"

    org = BinaryAttribute(legacy_encoding=False)
    project = BinaryAttribute(legacy_encoding=False)
    key_id = UnicodeAttribute()
    kind = UnicodeAttribute(null=True)
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of the secret."""
    label = UnicodeAttribute(null=True)
    created_at = NumberAttribute(null=True)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    """Who made it, or took it over."""
    membership = BinaryAttribute(null=True, legacy_encoding=False)
    """By which that person was a member then: a query key works no longer than that."""
    flagged = BooleanAttribute(null=True)
    """Whether somebody knows it who has left."""
    last_used_at = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class UserItem(Item):
    """A person, their second factor or one of its recovery codes, where they are a member, or a reserved address."""

    class Meta(Meta):
        table_name = keys.USERS

    table = keys.USERS

    user = BinaryAttribute(null=True, legacy_encoding=False)
    org = BinaryAttribute(null=True, legacy_encoding=False)
    """Where the person is a member."""
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    password = UnicodeAttribute(null=True)
    """Argon2id in its own encoded form."""
    created_at = NumberAttribute(null=True)
    confirmed_at = NumberAttribute(null=True)
    """When the address (of a person) or the factor was proved."""
    epoch = NumberAttribute(null=True)
    """Sessions that were begun under another epoch have ended."""
    secret = BinaryAttribute(null=True, legacy_encoding=False)
    """The seed of the second factor."""
    step = NumberAttribute(null=True)
    """The newest time step whose code was used: no code of it or before works again."""
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of a recovery code."""
    used_at = NumberAttribute(null=True)
    state = UnicodeAttribute(null=True)
    """Of a person whose account was deleted; one who is here has none."""
    deleted_at = NumberAttribute(null=True)
    erased_at = NumberAttribute(null=True)
    address = BinaryAttribute(null=True, legacy_encoding=False)
    """Of a deleted account, until it is erased: the SHA-256 by which what belongs to its address is found."""
    orgs: ListAttribute[Any] = ListAttribute(null=True)
    """The same: where the person was a member."""
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class SessionItem(Item):
    """A session by its handle and in its person's list, a known device, a spent link, or a sign-up that waits, and its
    twin in the list of its address."""

    class Meta(Meta):
        table_name = keys.SESSIONS

    table = keys.SESSIONS
    ttl = "t"

    t = NumberAttribute(null=True)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of the cookie's value."""
    created_at = NumberAttribute(null=True)
    made_at = NumberAttribute(null=True)
    """Since when a session goes by its id."""
    fresh_at = NumberAttribute(null=True)
    """When the person last proved who they are."""
    epoch = NumberAttribute(null=True)
    strong = BooleanAttribute(null=True)
    """Whether a second factor was given too."""
    source = UnicodeAttribute(null=True)
    agent = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    org_name = UnicodeAttribute(null=True)
    link = BinaryAttribute(null=True, legacy_encoding=False)
    """Of an entry in the list of an address: which sign-up."""
    password = UnicodeAttribute(null=True)
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class LimitItem(Item):
    """How far somebody's allowance is used up: the theoretical arrival time of GCRA, in milliseconds."""

    class Meta(Meta):
        table_name = keys.LIMITS

    table = keys.LIMITS
    ttl = "t"

    t = NumberAttribute(null=True)
    tat = NumberAttribute()
    nonce = BinaryAttribute(legacy_encoding=False)


class OutboxItem(Item):
    """A letter that a deployment without SES shows instead of sending."""

    class Meta(Meta):
        table_name = keys.OUTBOX

    table = keys.OUTBOX
    ttl = "t"

    t = NumberAttribute(null=True)
    to = UnicodeAttribute()
    subject = UnicodeAttribute()
    text = UnicodeAttribute()


class ClientItem(Item):
    """An OAuth client that registered, a document that was fetched for one, or an assertion that was used."""

    class Meta(Meta):
        table_name = keys.CLIENTS

    table = keys.CLIENTS
    ttl = "t"

    t = NumberAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    redirect_uris: ListAttribute[Any] = ListAttribute(null=True)
    auth_method = UnicodeAttribute(null=True)
    jwks_uri = UnicodeAttribute(null=True)
    jwks = UnicodeAttribute(null=True)
    """Public keys, as JSON."""
    created_at = NumberAttribute(null=True)
    used_at = NumberAttribute(null=True)
    """When it last got a token, noted once a day."""
    body = BinaryAttribute(null=True, legacy_encoding=False)
    """Of a document: its bytes."""
    fresh_until = NumberAttribute(null=True)
    """Of a document: when it must be fetched again."""
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class AuditItem(Item):
    """Something that was changed in an organisation or in a person's account. It is never changed itself, but that what
    it says of a project goes with the project."""

    class Meta(Meta):
        table_name = keys.AUDIT

    table = keys.AUDIT
    ttl = "t"

    t = NumberAttribute(null=True)
    org = BinaryAttribute(null=True, legacy_encoding=False)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    """Whose account it was, in entries of people."""
    at = NumberAttribute()
    actor_kind = UnicodeAttribute()
    actor = UnicodeAttribute()
    action = UnicodeAttribute()
    target = UnicodeAttribute()
    before: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]
    after: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]
    nonce = BinaryAttribute(legacy_encoding=False)


class GrantItem(Item):
    """A connection by its id, one of its twins, which hold nothing but what leads to it, or a call that it made."""

    class Meta(Meta):
        table_name = keys.GRANTS

    table = keys.GRANTS
    ttl = "t"

    t = NumberAttribute(null=True)
    grant = BinaryAttribute(null=True, legacy_encoding=False)
    org = BinaryAttribute(null=True, legacy_encoding=False)
    project = BinaryAttribute(null=True, legacy_encoding=False)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    """Who allowed it."""
    membership = BinaryAttribute(null=True, legacy_encoding=False)
    """By which that person was a member then: the connection works no longer than that."""
    client_id = UnicodeAttribute(null=True)
    client_name = UnicodeAttribute(null=True)
    client_host = UnicodeAttribute(null=True)
    """The host that proves who the client is; empty where only the client itself says so."""
    client_kind = UnicodeAttribute(null=True)
    redirect_host = UnicodeAttribute(null=True)
    resource = UnicodeAttribute(null=True)
    """What was asked for, as it was written: a refresh may name nothing else."""
    scope = UnicodeAttribute(null=True)
    created_at = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    idle_at = NumberAttribute(null=True)
    """When it ends unless it is refreshed before."""
    generation = NumberAttribute(null=True)
    """Of the refresh token that works: one more with each rotation."""
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of that token."""
    salt = BinaryAttribute(null=True, legacy_encoding=False)
    """From which, and from the deployment's secrets, that token can be made again within the replay window."""
    rotated_at = NumberAttribute(null=True)
    code = BinaryAttribute(null=True, legacy_encoding=False)
    """The id of the code that it came from, whose item ends with it."""
    limit = NumberAttribute(null=True)
    """Requests a minute."""
    last_used_at = NumberAttribute(null=True)
    what = UnicodeAttribute(null=True)
    """Of a call: the tool or the method."""
    outcome = UnicodeAttribute(null=True)
    rows = NumberAttribute(null=True)
    took_ms = NumberAttribute(null=True)
    nonce = BinaryAttribute(null=True, legacy_encoding=False)


class TokenItem(Item):
    """An access token or an authorization code by its id, which is the first part of its text; or an entry that leads
    to one."""

    class Meta(Meta):
        table_name = keys.TOKENS

    table = keys.TOKENS
    ttl = "t"

    t = NumberAttribute(null=True)
    digest = BinaryAttribute(null=True, legacy_encoding=False)
    """SHA-256 of the whole text."""
    expires_at = NumberAttribute(null=True)
    grant = BinaryAttribute(null=True, legacy_encoding=False)
    """The connection that an access token is of, or that a code has made: then it is spent."""
    code = BinaryAttribute(null=True, legacy_encoding=False)
    """Of an entry in a list of codes: which one."""
    token = BinaryAttribute(null=True, legacy_encoding=False)
    """Of an entry in the list of a connection's access tokens: which one."""
    scope = UnicodeAttribute(null=True)
    leased_at = NumberAttribute(null=True)
    """When a request was last refused for the token to be refreshed, while others were served."""
    client_id = UnicodeAttribute(null=True)
    client_name = UnicodeAttribute(null=True)
    client_host = UnicodeAttribute(null=True)
    client_kind = UnicodeAttribute(null=True)
    redirect_uri = UnicodeAttribute(null=True)
    challenge = UnicodeAttribute(null=True)
    """Of PKCE: SHA-256 of the verifier, as base64url."""
    resource = UnicodeAttribute(null=True)
    org = BinaryAttribute(null=True, legacy_encoding=False)
    project = BinaryAttribute(null=True, legacy_encoding=False)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    membership = BinaryAttribute(null=True, legacy_encoding=False)
    nonce = BinaryAttribute(legacy_encoding=False)


class ReceiptItem(Item):
    """What a purge deleted for good, and that nothing of it was found afterwards. It is never changed."""

    class Meta(Meta):
        table_name = keys.RECEIPTS

    table = keys.RECEIPTS
    ttl = "t"

    t = NumberAttribute(null=True)
    kind = UnicodeAttribute()
    org = BinaryAttribute(null=True, legacy_encoding=False)
    project = BinaryAttribute(null=True, legacy_encoding=False)
    user = BinaryAttribute(null=True, legacy_encoding=False)
    """Whose account it was."""
    actor_kind = UnicodeAttribute()
    actor = UnicodeAttribute()
    asked_at = NumberAttribute()
    at = NumberAttribute()
    """When the last pass had found nothing."""
    behind = NumberAttribute(null=True)
    """Before which everything is gone, in milliseconds, where not everything is."""
    passes = NumberAttribute()
    removed: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]
    nonce = BinaryAttribute(legacy_encoding=False)


class WorkItem(Item):
    """A project-hour with something to do, a project in the list that jobs walk, a job's lease, or an erasure."""

    class Meta(Meta):
        table_name = keys.WORK

    table = keys.WORK
    ttl = "t"

    t = NumberAttribute(null=True)
    throttled = NumberAttribute(null=True)
    """Of a project-hour: batches that were refused because a partition had more than it takes."""
    nonce = BinaryAttribute(null=True, legacy_encoding=False)
    fence = NumberAttribute(null=True)
    """Of a lease: grows with each run that takes it."""
    until = NumberAttribute(null=True)
    """When the lease ends by itself, in milliseconds."""
    progress = BinaryAttribute(null=True, legacy_encoding=False)
    """What the run that holds it has done; of an erasure, what all runs have."""
    asked_at = NumberAttribute(null=True)
    """Of an erasure: since when nothing may be left of it."""
    actor_kind = UnicodeAttribute(null=True)
    actor = UnicodeAttribute(null=True)


MODELS: Final[tuple[type[Item], ...]] = (
    EventsItem, TenantItem, KeyItem, UserItem, WorkItem, SessionItem, LimitItem, OutboxItem, AuditItem,
    GrantItem, TokenItem, ClientItem, ReceiptItem,
)  # fmt: skip


def configure() -> None:
    """Points every model at this deployment's tables. Once at start-up, and again where the settings changed."""
    current = settings.current()
    for model in MODELS:
        meta: Any = model.Meta
        meta.table_name = current.table_prefix + model.table
        meta.region = current.region
        meta.host = current.dynamodb_endpoint
        model._connection = None  # noqa: SLF001 (pynamodb keeps the first connection for ever otherwise)
