"""The gateway behind its real server and guard, on an ephemeral loopback port of the running event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from fairlead.gateway.app import App
from fairlead.gateway.guard import GuardLimits, guarded


@asynccontextmanager
async def serving_gateway(app: App, limits: GuardLimits | None = None) -> AsyncIterator[int]:
    """Serve the app as `fairlead serve` does; gives the port."""
    config = uvicorn.Config(
        app,
        http=guarded(limits or GuardLimits()),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=2,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    port = listener.getsockname()[1]
    await server.startup(sockets=[listener])
    try:
        yield port
    finally:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await server.shutdown(sockets=[listener])
        while server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks)
