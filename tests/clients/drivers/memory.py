"""What a host of the official Python SDKs brings: a place for what the SDK wants kept, here in memory."""

from typing import Any

from mcp.shared.auth import OAuthClientMetadata
from story import REDIRECT

METADATA = OAuthClientMetadata(client_name="Python SDK", redirect_uris=[REDIRECT], token_endpoint_auth_method="none")


class Memory:
    """A `TokenStorage`, and the address that somebody is asked to open."""

    def __init__(self) -> None:
        self.tokens: Any = None
        self.client: Any = None
        self.url = ""

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client_info: Any) -> None:
        self.client = client_info

    async def redirect(self, url: str) -> None:
        self.url = url

    async def known(self) -> dict[str, Any]:
        tokens = self.tokens
        return {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "client_id": self.client.client_id,
        }
