"""The official Python SDK, as hosts use it. ERA says what it speaks: `legacy`, or `auto`, the newest first."""

import asyncio
import os
from contextlib import AsyncExitStack

from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from memory import METADATA, Memory
from story import RESOURCE, TOOL, consent, play

memory = Memory()


async def came_back() -> AuthorizationCodeResult:
    answer = await consent(memory.url)
    return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


async def main() -> None:
    async with AsyncExitStack() as stack:
        clients: list[Client] = []

        async def connect() -> None:
            auth = OAuthClientProvider(
                RESOURCE, METADATA, memory, redirect_handler=memory.redirect, callback_handler=came_back
            )
            http = await stack.enter_async_context(create_mcp_http_client(auth=auth))
            transport = streamable_http_client(RESOURCE, http_client=http)
            clients.append(await stack.enter_async_context(Client(transport, mode=os.environ["ERA"])))

        async def call() -> str:
            result = await clients[-1].call_tool(TOOL, {})
            return str(result) if result.is_error else "ok"

        await play(connect=connect, call=call, tokens=memory.known)


asyncio.run(main())
