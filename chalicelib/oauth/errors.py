"""What an authorization server says no with. The codes are those of the standards; descriptions are for developers."""


class OAuthError(Exception):
    """A refusal that the client is told: a code of RFC 6749 (sections 4.1.2.1 and 5.2) or of a standard beside it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class ClientRefused(OAuthError):
    """The client is not known, or did not prove that it is the one it names."""

    def __init__(self, description: str) -> None:
        super().__init__("invalid_client", description)


class Unredirectable(Exception):
    """A request whose client or redirect address is wrong: a person is told, and nobody is redirected (O1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenRefused(Exception):
    """What was presented is no access token that works now, or not here. Why is not said."""
