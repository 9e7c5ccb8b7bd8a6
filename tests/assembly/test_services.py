"""What the configuration makes of the gateway's services."""

import pytest

from fairlead.assembly.services import assemble
from fairlead.settings.settings import parse

KEY = f"keys: [{{name: me, sha256: {'a' * 64}, may: [chat]}}]\n"
LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", LOOPBACK),
        (KEY, frozenset()),
        ("server: {allowed_hosts: [Llm.Example]}\n", LOOPBACK | {"llm.example"}),
        (KEY + "server: {allowed_hosts: [Llm.Example]}\n", LOOPBACK | {"llm.example"}),
    ],
)
async def test_any_host_is_answered_only_where_a_key_is_the_guard(text: str, hosts: frozenset[str]) -> None:
    """An empty set answers to every Host."""
    assembly = await assemble(parse("discover: false\n" + text, {}), {}, is_demo=True)
    assert assembly.services.allowed_hosts == hosts
