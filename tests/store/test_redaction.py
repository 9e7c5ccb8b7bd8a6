"""Redaction finds what has a form, and leaves ordinary words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.store.redaction import PATTERNS, Redactor
from tests.conftest import CANARY

ALL = Redactor()

SECRETS = {
    "an OpenAI key": (f"use {CANARY}-0123456789abcdef please", "use [key] please"),
    "our own key": ("fl-abcdefghijklmnopqrstuvwxyz012345", "[key]"),
    "a bearer": ("Authorization: Bearer abcdefghijklmnop0123", "Authorization: [key]"),
    "a named secret": ("password = hunter2hunter2", "[key]"),
    "an address": ("write to jane.doe+x@mail.example.org.", "write to [email]."),
    "a card": ("card 4111 1111 1111 1111 ok", "card [card] ok"),
    "an account": ("pay DE89 3704 0044 0532 0130 00 now", "pay [iban] now"),
    "a telephone": ("call +49 (30) 1234-5678 today", "call [phone] today"),
    "a private key": (
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- after",
        "[private key] after",
    ),
    "a private key that is cut": ("-----BEGIN PRIVATE KEY-----\nabc", "[private key]"),
}
ORDINARY = (
    "The year 2026 had 365 days; 12 of them in 3 weeks.",
    "for i in range(10): print(i * 1024)",
    "Order 1234567 of 2026-11-30 costs 19.99",
    "Prove that 2 + 2 = 4.",
)


@pytest.mark.parametrize(("text", "left"), SECRETS.values(), ids=SECRETS)
def test_what_has_a_form_is_replaced(text: str, left: str) -> None:
    assert ALL(text) == left


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay(text: str) -> None:
    assert ALL(text) == text


def test_only_what_is_asked_for_is_replaced() -> None:
    text = "jane@example.org, 4111 1111 1111 1111, project BLUEBIRD"
    assert Redactor(["email"])(text) == "[email], 4111 1111 1111 1111, project BLUEBIRD"
    assert Redactor([], ["BLUE[A-Z]+"])(text) == "jane@example.org, 4111 1111 1111 1111, project [private]"


@given(st.text(alphabet="0123456789 -+()@.abcAB:=\n", max_size=3_000))
def test_no_text_takes_long_or_fails(text: str) -> None:
    assert isinstance(ALL(text), str)


def test_every_pattern_has_an_example() -> None:
    found = {left[left.index("[") + 1 : left.index("]")] for _, left in SECRETS.values()}
    assert found == set(PATTERNS)
