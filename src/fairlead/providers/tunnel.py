"""CONNECT: ask a forward proxy for a pipe to the upstream, over which TLS is then spoken."""

import asyncio
import socket

from fairlead.domain.errors import GarbledError, UnreachableError
from fairlead.providers.origin import Origin, Proxy

HEAD_CAP_BYTES = 16 * 1024


async def open_tunnel(loop: asyncio.AbstractEventLoop, sock: socket.socket, origin: Origin, proxy: Proxy) -> None:
    """Make `sock`, connected to the proxy, a pipe to the origin.

    Raises: UnreachableError when the proxy says no; GarbledError when it does not speak HTTP. Neither quotes the proxy.
    """
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}".encode("idna" if not host.isascii() else "ascii")
    request = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, proxy.authorization)
    await loop.sock_sendall(sock, request)
    head = bytearray()
    while b"\r\n\r\n" not in head:
        piece = await loop.sock_recv(sock, HEAD_CAP_BYTES)
        if not piece:
            raise UnreachableError(f"upstream {origin.name!r}: the proxy hung up", upstream=origin.name)
        head += piece
        if len(head) > HEAD_CAP_BYTES:
            raise GarbledError(f"upstream {origin.name!r}: the proxy's reply is too long", upstream=origin.name)
    status = _status_of(bytes(head))
    if status is None or not head.endswith(b"\r\n\r\n"):
        raise GarbledError(f"upstream {origin.name!r}: the proxy does not answer CONNECT in HTTP", upstream=origin.name)
    if not 200 <= status < 300:
        mend = "; check the proxy's user and password" if status == 407 else ""
        raise UnreachableError(
            f"upstream {origin.name!r}: the proxy refused the tunnel with status {status}{mend}", upstream=origin.name
        )


def _status_of(head: bytes) -> int | None:
    version, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    digits = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(digits) != 3 or not digits.isdigit():
        return None
    return int(digits)
