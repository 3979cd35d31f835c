"""A distribution in front of API Gateway that gives renamed headers their names back: how a deployment can have the
challenges of its 401s read by clients that look nowhere else.
"""

from typing import Any, Final

from infra.gateway import Asgi, Receive, Send

PREFIX: Final = b"x-amzn-remapped-"


def in_front_of(gateway: Asgi) -> Asgi:
    """The same answers, with `WWW-Authenticate` where there was `x-amzn-Remapped-WWW-Authenticate`."""

    async def edge(scope: Any, receive: Receive, send: Send) -> None:
        async def restored(message: dict[str, Any]) -> None:
            if "headers" in message:
                headers = [(name.removeprefix(PREFIX), value) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await gateway(scope, receive, restored)

    return edge
