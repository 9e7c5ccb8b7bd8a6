"""Dialling: a name becomes a connected, encrypted socket, under one deadline, or an error that names the stage.

No text of an exception of ssl or of the resolver leaves this file: it may hold hosts and paths that no client may see.
"""

import asyncio
import functools
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from fairlead.domain.errors import ConfigError, SilentError, UnreachableError
from fairlead.providers.addresses import Address, is_public, literal_address, resolve
from fairlead.providers.origin import Origin, Proxy, parse_proxy
from fairlead.providers.tunnel import open_tunnel

STAGGER_S: Final = 0.25
"""How long one address may take before the next is tried beside it (RFC 8305)."""

P = TypeVar("P", bound=asyncio.Protocol)

# OpenSSL's verify codes (x509_vfy.h): stable numbers, where its texts quote names.
_CERTIFICATE_FAULTS: Final = {
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate's chain ends in an authority that is not trusted",
    20: "the certificate's authority is not trusted",
    21: "the certificate's authority is not trusted",
    62: "the certificate is for another host",
    64: "the certificate is for another address",
}


@functools.cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifying, TLS 1.2 or newer, HTTP/1.1 only. Cached: reading the system's authorities takes about 20 ms."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialler:
    """Opens connections to one origin."""

    def __init__(self, origin: Origin) -> None:
        self.proxy: Final[Proxy | None] = parse_proxy(origin)
        self._origin = origin
        try:
            self._tls = tls_context(origin.ca_file) if origin.is_tls else None
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"upstream {origin.name!r}: ca_file {origin.ca_file!r} is not a readable PEM file"
            ) from error

    async def dial(self, protocol_factory: Callable[[], P], *, at_s: float, limit_s: float) -> P:
        """A connected protocol.

        Units: at_s is the loop's time at which to give up, limit_s the seconds to name when it passes.
        Raises: UnreachableError; SilentError at the deadline; GarbledError when a proxy does not speak HTTP.
        """
        stage = ["connect"]
        try:
            async with asyncio.timeout_at(at_s):
                return await self._dial(protocol_factory, stage)
        except TimeoutError as error:
            text = self._text(stage, f"not done within {limit_s:g} s")
            raise SilentError(text, upstream=self._origin.name, is_sent=False) from error
        except ssl.SSLCertVerificationError as error:
            fault = _CERTIFICATE_FAULTS.get(error.verify_code, "the certificate is not accepted")
            mend = "; set ca_file if this is your own authority" if error.verify_code in (18, 19, 20, 21) else ""
            raise self._unreachable(stage, fault + mend) from error
        except ssl.SSLError as error:
            raise self._unreachable(stage, "the handshake failed") from error
        except socket.gaierror as error:
            raise self._unreachable(stage, "the host name does not resolve") from error
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) else None
            raise self._unreachable(stage, os.strerror(number).lower() if number else "failed") from error

    async def _dial(self, protocol_factory: Callable[[], P], stage: list[str]) -> P:
        loop, origin = asyncio.get_running_loop(), self._origin
        sock = await self._connected(loop, stage)
        try:
            if self.proxy is not None and self._tls is not None:
                stage[0] = "proxy"
                await open_tunnel(loop, sock, origin, self.proxy)
            if self._tls is None:
                _, protocol = await loop.create_connection(protocol_factory, sock=sock)
                return protocol
            stage[0] = "TLS handshake"
            host = origin.host.rstrip(".")
            _, protocol = await loop.create_connection(
                protocol_factory, sock=sock, ssl=self._tls, server_hostname=host, ssl_handshake_timeout=3600
            )
        except BaseException:
            sock.close()
            raise
        return protocol

    async def _connected(self, loop: asyncio.AbstractEventLoop, stage: list[str]) -> socket.socket:
        origin = self._origin
        if self.proxy is not None:
            # The proxy resolves the name: all we can refuse is an address that the operator spelt out. The proxy's own
            # address is the operator's explicit choice, and is private more often than not.
            literal = literal_address(origin.host)
            if literal is not None and not origin.allow_private and not is_public(literal):
                raise self._refused()
            host, port, may_be_private = self.proxy.host, self.proxy.port, True
        else:
            host, port, may_be_private = origin.host, origin.port, origin.allow_private
        stage[0] = "resolve"
        addresses = await resolve(loop, host, port, allow_private=may_be_private)
        stage[0] = "connect"
        if not addresses:
            raise self._refused()
        return await connect_first(loop, addresses)

    def _refused(self) -> UnreachableError:
        return self._unreachable(
            ["connect"],
            "its address is not public; set allow_private for this upstream if it is meant to be",
            "upstream_refused",
        )

    def _unreachable(self, stage: list[str], what: str, code: str | None = None) -> UnreachableError:
        return UnreachableError(self._text(stage, what), upstream=self._origin.name, code=code)

    def _text(self, stage: list[str], what: str) -> str:
        return f"upstream {self._origin.name!r}: {stage[0]}: {what}"


async def connect_first(loop: asyncio.AbstractEventLoop, addresses: Sequence[Address]) -> socket.socket:
    """A socket to the first address that answers: tried in order, the next one beside it after a quarter of a second.

    Raises: OSError, the last address's own, when none answers.
    """
    if len(addresses) == 1:
        return await _connect_one(loop, addresses[0])
    waiting = list(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError("no address")
    winner: socket.socket | None = None
    try:
        while winner is None and (waiting or running):
            if waiting:
                running.add(loop.create_task(_connect_one(loop, waiting.pop(0))))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is not None:
                    failure = error
                elif winner is None:
                    winner = task.result()
                else:
                    task.result().close()
    finally:
        await _drop_all(running)
    if winner is None:
        raise failure
    return winner


async def _drop_all(running: set[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()


async def _connect_one(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await loop.sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock
