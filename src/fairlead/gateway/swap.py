"""Swap: the application of the configuration in force; a new one takes its place whole, between two requests.

Requests that are running end on the configuration that they began with: their engine is kept until the last is over.
"""

from collections.abc import Awaitable

from fairlead.gateway.app import App
from fairlead.gateway.asgi import Receive, Scope, Send
from fairlead.gateway.engine import Engine
from fairlead.gateway.ports import Services
from fairlead.gateway.routes.table import build_routes


class SwappableApp:
    """What a server serves."""

    def __init__(self, services: Services) -> None:
        self.engine = Engine(services)
        self._app = App(services, self.engine, build_routes(self.engine))
        self._older: list[Engine] = []

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection event, by the configuration that is in force as it begins."""
        return self._app(scope, receive, send)

    def swap(self, services: Services) -> Engine:
        """Take over this configuration; gives the engine of the one before, which may still be running requests."""
        old = self.engine
        self._older = [engine for engine in [*self._older, old] if engine.running]
        self.engine = Engine(services, heir_of=old)
        self._app = App(services, self.engine, build_routes(self.engine))
        return old

    def drain(self) -> None:
        """Say from now on that this server is not ready: it will be stopped."""
        self.engine.is_draining = True
        if self.engine.shadows is not None:
            self.engine.shadows.stop()

    def shut_down(self) -> None:
        """End what is still running, each with an error in its client's format."""
        for engine in [*self._older, self.engine]:
            engine.shut_down()
