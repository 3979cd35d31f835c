"""What is wrong with a query, said so that it can be put right: where, why, and what was probably meant."""


class QueryError(ValueError):
    """Text that is not understood. `text[position:position + length]` is the part at fault.

    `suggestion`, where there is one, is what to put in the place of that part.
    """

    def __init__(self, message: str, position: int, length: int = 1, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.length = length
        self.suggestion = suggestion

    def __reduce__(self) -> tuple[type["QueryError"], tuple[str, int, int, str | None]]:
        return QueryError, (self.message, self.position, self.length, self.suggestion)
