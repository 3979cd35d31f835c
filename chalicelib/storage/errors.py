"""What the store may answer instead of yes. Web turns each into one problem (`web.problems`)."""


class StoreUnavailable(Exception):
    """DynamoDB did not say yes in time: nothing may be taken for stored. Trying again later helps."""

    def __init__(self, why: str, *, throttled: bool = False, retry_after: int = 2) -> None:
        super().__init__(why)
        self.throttled = throttled
        self.retry_after = retry_after
        """Seconds."""


class ConditionFailed(Exception):
    """A conditional write met something else than it expected. It may have met its own earlier attempt, whose answer
    was lost: `retried` says that this was possible."""

    def __init__(self, *, retried: bool) -> None:
        super().__init__("the condition of a write does not hold")
        self.retried = retried


class TransactionCancelled(Exception):
    """A transaction changed nothing. `reasons` has DynamoDB's code for each of its writes, in order."""

    def __init__(self, reasons: tuple[str, ...], *, retried: bool) -> None:
        super().__init__(f"a transaction was cancelled: {', '.join(reasons)}")
        self.reasons = reasons
        self.retried = retried


class RequestRefused(Exception):
    """DynamoDB found the request itself wrong. That is a fault in this program or in its deployment."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
