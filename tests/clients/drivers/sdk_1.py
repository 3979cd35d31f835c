"""The first line of the official Python SDK, as hosts use it."""

import asyncio
from contextlib import AsyncExitStack

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from memory import METADATA, Memory
from story import RESOURCE, TOOL, consent, play

memory = Memory()


async def came_back() -> tuple[str, str | None]:
    answer = await consent(memory.url)
    return answer["code"], answer.get("state")


async def main() -> None:
    async with AsyncExitStack() as stack:
        sessions: list[ClientSession] = []

        async def connect() -> None:
            auth = OAuthClientProvider(RESOURCE, METADATA, memory, memory.redirect, came_back)
            http = await stack.enter_async_context(create_mcp_http_client(auth=auth))
            reading, writing, _ = await stack.enter_async_context(streamable_http_client(RESOURCE, http_client=http))
            session = await stack.enter_async_context(ClientSession(reading, writing))
            await session.initialize()
            sessions.append(session)

        async def call() -> str:
            result = await sessions[-1].call_tool(TOOL, {})
            return str(result) if result.isError else "ok"

        await play(connect=connect, call=call, tokens=memory.known)


asyncio.run(main())
