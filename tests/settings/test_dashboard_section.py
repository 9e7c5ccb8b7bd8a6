"""The `dashboard` section: on for loopback, off beyond it, as it says otherwise; nothing unknown in it."""

import pytest

from fairlead.domain.errors import ConfigError
from fairlead.settings.settings import parse

KEYS = f"keys: [{{name: a, sha256: {'ab' * 32}}}]\n"


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        ("", True),
        ("dashboard:", True),
        ("dashboard: {enabled: false}", False),
        (KEYS + "server: {host: 0.0.0.0}", False),
        (KEYS + "server: {host: 0.0.0.0}\ndashboard: {enabled: true}", True),
        ("server: {host: '::1'}", True),
    ],
)
def test_the_dashboard_is_on_for_loopback_unless_it_says_otherwise(text: str, is_on: bool) -> None:
    assert parse(text, {}).has_dashboard is is_on


def test_an_option_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"dashboard\.enable: unknown key; did you mean 'enabled'"):
        parse("dashboard: {enable: true}", {})
