"""Encrypted upstreams, forward proxies, and which addresses may be connected to."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import ConfigError, GarbledError, SilentError, UnreachableError
from fairlead.providers import dial
from fairlead.providers.addresses import Address
from fairlead.providers.transport import HttpTransport
from tests.providers.peers import PATIENT, Peer, Script, calling, chunked, origin, post, reply, serving


def authority(folder: Path) -> tuple[trustme.CA, str]:
    ca = trustme.CA()
    file = folder / "ca.pem"
    ca.cert_pem.write_to_path(file)
    return ca, str(file)


def server_context(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    ca.issue_cert(name).configure_cert(context)
    return context


async def echo(peer: Peer) -> None:
    while True:
        _, body = await peer.request()
        await peer.say(chunked(body, b"!"))


async def test_an_upstream_with_an_authority_of_its_own_is_reached_and_kept(tmp_path: Path) -> None:
    ca, ca_file = authority(tmp_path)
    chosen: list[str | None] = []

    async def script(peer: Peer) -> None:
        chosen.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await echo(peer)

    big = b"y" * 3_000_000
    async with (
        serving(script, tls=server_context(ca, "127.0.0.1")) as port,
        calling(port, scheme="https", ca_file=ca_file) as transport,
    ):
        assert await post(transport, b"a") == (200, b"a!")
        assert await post(transport, big) == (200, big + b"!")
        assert transport.n_open == 1
    assert chosen == ["http/1.1"]


@pytest.mark.parametrize(("name", "is_known", "said"), [
    ("127.0.0.1", False, "authority is not trusted; set ca_file"),
    ("other.example", True, "for another"),
])  # fmt: skip
async def test_a_certificate_that_does_not_fit_is_refused(tmp_path: Path, name: str, is_known: bool, said: str) -> None:
    ca, ca_file = authority(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    trusted = ca_file if is_known else authority(other)[1]
    async with (
        serving(echo, tls=server_context(ca, name)) as port,
        calling(port, scheme="https", ca_file=trusted) as transport,
    ):
        with pytest.raises(UnreachableError, match=f"TLS handshake: the certificate.*{said}") as caught:
            await post(transport)
        assert "127.0.0.1" not in str(caught.value)
        assert transport.n_open == 0


async def test_a_peer_that_does_not_speak_tls_is_unreachable(tmp_path: Path) -> None:
    _, ca_file = authority(tmp_path)

    async def script(peer: Peer) -> None:
        await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.gone()

    async with serving(script) as port, calling(port, scheme="https", ca_file=ca_file) as transport:
        with pytest.raises(UnreachableError, match="TLS handshake: the handshake failed"):
            await post(transport)


async def test_a_peer_that_accepts_and_says_nothing_is_cut_at_the_connect_deadline(tmp_path: Path) -> None:
    _, ca_file = authority(tmp_path)
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port, scheme="https", ca_file=ca_file) as transport:
        with pytest.raises(SilentError, match=r"TLS handshake: not done within 0\.05 s"):
            await post(transport, deadlines=Deadlines(connect_s=0.05))
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


async def test_a_caller_cancelled_in_the_handshake_hangs_up_at_once(tmp_path: Path) -> None:
    _, ca_file = authority(tmp_path)
    started, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(5)
        started.set()
        await peer.gone()
        gone.set()

    async with serving(script) as port, calling(port, scheme="https", ca_file=ca_file) as transport:
        call = asyncio.ensure_future(post(transport))
        await asyncio.wait_for(started.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


async def test_an_encrypted_stream_is_cancelled_at_once(tmp_path: Path) -> None:
    ca, ca_file = authority(tmp_path)
    started, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        started.set()
        await peer.gone()
        gone.set()

    async with (
        serving(script, tls=server_context(ca, "127.0.0.1")) as port,
        calling(port, scheme="https", ca_file=ca_file) as transport,
    ):
        call = asyncio.ensure_future(post(transport))
        await asyncio.wait_for(started.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 10)
        assert transport.n_open == 0


def test_a_ca_file_that_is_not_one_is_a_setup_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    for file in (bad, tmp_path / "absent.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            HttpTransport(origin(443, scheme="https", ca_file=str(file)))


def proxy_to(
    port: int, heads: list[bytes], *, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> Script:
    """A forward proxy that knows one place."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def script(peer: Peer) -> None:
        heads.append(await peer.reader.readuntil(b"\r\n\r\n"))
        await peer.say(answer)
        if b" 200 " not in answer:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.close()

    return script


async def test_an_encrypted_upstream_is_reached_through_a_tunnel_with_the_proxys_credentials(tmp_path: Path) -> None:
    ca, ca_file = authority(tmp_path)
    heads: list[bytes] = []
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            head, body = await peer.request()
            seen.append(head)
            await peer.say(reply(body))

    async with (
        serving(script, tls=server_context(ca, "api.example")) as port,
        serving(proxy_to(port, heads)) as proxy_port,
        calling(
            4430, scheme="https", host="api.example", ca_file=ca_file, allow_private=False,
            proxy=f"http://user:p%40ss@127.0.0.1:{proxy_port}",
        ) as transport,
    ):  # fmt: skip
        assert await post(transport, b"through") == (200, b"through")
        assert await post(transport, b"again") == (200, b"again")
    assert heads == [
        b"CONNECT api.example:4430 HTTP/1.1\r\nhost: api.example:4430\r\n"
        b"proxy-authorization: Basic dXNlcjpwQHNz\r\n\r\n"
    ]
    assert all(b"proxy-authorization" not in head for head in seen)


async def test_a_plain_upstream_is_asked_for_by_its_whole_name() -> None:
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        head, body = await peer.request()
        seen.append(head)
        await peer.say(reply(body))

    async with (
        serving(script) as proxy_port,
        calling(80, host="api.example", allow_private=False, proxy=f"http://u:p@127.0.0.1:{proxy_port}/") as transport,
    ):
        assert await post(transport, b"hi") == (200, b"hi")
    assert seen[0].startswith(b"POST http://api.example/v1/x HTTP/1.1\r\nhost: api.example\r\n")
    assert b"proxy-authorization: Basic dTpw\r\n" in seen[0]


@pytest.mark.parametrize(("answer", "error", "said"), [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", UnreachableError, "status 407; check"),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", UnreachableError, "status 403"),
    (b"HTTP/1.1 20x\r\n\r\n", GarbledError, "does not answer CONNECT"),
    (b"x" * 40_000, GarbledError, "too long"),
    (b"", UnreachableError, "hung up"),
])  # fmt: skip
async def test_a_proxy_that_says_no_is_reported_without_its_credentials(
    answer: bytes, error: type[Exception], said: str
) -> None:
    async with (
        serving(proxy_to(0, [], answer=answer)) as proxy_port,
        calling(
            443, scheme="https", host="api.example", proxy=f"http://canary:hush@127.0.0.1:{proxy_port}"
        ) as transport,
    ):
        with pytest.raises(error, match=said) as caught:
            await post(transport)
        assert "canary" not in str(caught.value)
        assert "hush" not in str(caught.value)
        assert "hush" not in repr(transport.origin)
        assert transport.n_open == 0


HOSTS = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "0.0.0.0", "169.254.169.254"]


@pytest.mark.parametrize("host", HOSTS)
async def test_an_address_that_is_not_public_is_refused_in_every_spelling(host: str) -> None:
    n_connections = 0

    async def script(peer: Peer) -> None:
        nonlocal n_connections
        n_connections += 1

    async with serving(script) as port, calling(port, host=host, allow_private=False) as transport:
        with pytest.raises(UnreachableError, match="not public; set allow_private") as caught:
            await post(transport)
        assert caught.value.code == "upstream_refused"
        assert n_connections == 0
        assert transport.n_open == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "2852039166", "::1", "::ffff:10.0.0.1"])
async def test_a_private_address_spelt_out_is_refused_behind_a_proxy_too(host: str) -> None:
    async with (
        serving(echo) as port,
        calling(80, host=host, allow_private=False, proxy=f"http://127.0.0.1:{port}") as transport,
    ):
        with pytest.raises(UnreachableError, match="not public"):
            await post(transport)


async def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(*_: object, **__: object) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "canary.internal: Name or service not known")

    monkeypatch.setattr(dial, "resolve", nowhere)
    async with calling(80, host="api.example") as transport:
        with pytest.raises(UnreachableError, match="'up': resolve: the host name does not resolve"):
            await post(transport, deadlines=PATIENT)
        assert transport.n_open == 0
