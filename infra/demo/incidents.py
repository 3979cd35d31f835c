"""When the shop is in trouble. The table in the package's first lines is this one."""

from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
CYCLE: Final = 120 * MINUTE
"""Milliseconds; cycles begin at even hours UTC."""

PAYMENTS_DEPLOYED: Final = 18 * MINUTE
PROVIDER_SLOW: Final = 19 * MINUTE
PROVIDER_DOWN: Final = 20 * MINUTE
PAYMENTS_CRASHED: Final = PROVIDER_DOWN + 3 * MINUTE + 30 * SECOND
PAYMENTS_ROLLED_BACK: Final = 24 * MINUTE
DATABASE_SLOW: Final = 55 * MINUTE
DATABASE_WELL: Final = 61 * MINUTE
RETRIES_BEGIN: Final = 90 * MINUTE
RETRIES_END: Final = 93 * MINUTE
RETRY_EVERY: Final = SECOND // 2
RETRIES: Final = (RETRIES_END - RETRIES_BEGIN) // RETRY_EVERY

IMPATIENCE: Final = 10 * SECOND
"""While nobody can pay, somebody tries at least this often, so that the incident shows at any rate of traffic."""


def is_provider_slow(at: int) -> bool:
    """`at` is in milliseconds since the epoch, here and below."""
    return PROVIDER_SLOW <= at % CYCLE < PROVIDER_DOWN


def is_provider_down(at: int) -> bool:
    return PROVIDER_DOWN <= at % CYCLE < PAYMENTS_ROLLED_BACK


def is_database_slow(at: int) -> bool:
    return DATABASE_SLOW <= at % CYCLE < DATABASE_WELL


def release(service: str, at: int) -> str:
    """What runs then. Each service is deployed once a day, at an hour of its own, and payments twice in each cycle."""
    day, within = divmod(at, 24 * 60 * MINUTE)
    hour = sum(service.encode()) % 24
    build = day - (within < hour * 60 * MINUTE)
    if service != "payments":
        return f"{1 + hour % 4}.{build % 1000}.0"
    is_new = PAYMENTS_DEPLOYED <= at % CYCLE < PAYMENTS_ROLLED_BACK
    return f"3.{build % 1000}.{1 if is_new else 0}"
