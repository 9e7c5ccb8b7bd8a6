"""Who is forgotten is forgotten: no byte of theirs is left in any file of the store."""

from pathlib import Path

from fairlead.domain.content import Text, Turn
from fairlead.domain.request import ChatRequest
from fairlead.store.book import Book
from fairlead.store.redaction import Redactor
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from tests.conftest import CANARY
from tests.store.small_traffic import Told, batch_of, opinion

WORDS = "the tide turns at dawn"


def asked(text: str) -> ChatRequest:
    return ChatRequest((Turn("system", (Text("be brief"),)), Turn("user", (Text(text),))))


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_after_a_tenant_is_forgotten_none_of_its_bytes_is_left(tmp_path: Path) -> None:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    book = Book()
    for number in range(1, 60):
        told = Told(
            name=f"d{number}",
            tenant="blue-tenant" if number % 2 else "red-tenant",
            session="blue-session" if number % 2 else None,
            prompt=lambda: asked(WORDS * 40),
            words=lambda: "the reply of the sea " * 40,
        )
        store.put(batch_of(*told.moments(), book=book, number=number))
    store.put(batch_of(opinion("o1", "d1", tenant="blue-tenant"), number=100))
    before = everything_in(tmp_path)
    assert b"blue-tenant" in before
    store.forget_tenant("blue-tenant")
    after = everything_in(tmp_path)
    assert b"blue-tenant" not in after
    assert b"blue-session" not in after
    assert after.count(WORDS.encode()) < before.count(WORDS.encode())
    store.forget_tenant("red-tenant")
    assert WORDS.encode() not in everything_in(tmp_path)
    store.close()
    assert WORDS.encode() not in everything_in(tmp_path)


def test_words_are_kept_only_when_they_are_handed_over_and_redacted_before(tmp_path: Path) -> None:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    secret = f"{CANARY}-0123456789abcdef"
    store.put(batch_of(*Told(name="d0").moments()))
    told = Told(
        name="d1", prompt=lambda: asked(f"my key is {secret}"), words=lambda: f"mail jane@example.org, {secret}"
    )
    store.put(batch_of(*told.moments(), book=Book(Redactor()), number=2))
    silent, loud = store.decision("d0"), store.decision("d1")
    assert silent is not None
    assert silent.body is None
    assert loud is not None
    assert loud.body is not None
    assert loud.body.query == "my key is [key]"
    assert loud.body.prompt == "[system] be brief\n\n[user] my key is [key]"
    assert loud.body.reply == "mail [email], [key]"
    assert secret.encode() not in everything_in(tmp_path)
    store.close()


def test_of_a_very_long_text_head_and_tail_are_kept_and_no_half_secret(tmp_path: Path) -> None:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    secret = f"{CANARY}-0123456789abcdef0123456789"
    text = "a " * 15_990 + secret + " b" * 200_000 + " the end"
    store.put(batch_of(*Told(prompt=lambda: asked(text)).moments(), book=Book(Redactor())))
    whole = store.decision("d1")
    assert whole is not None
    assert whole.body is not None
    assert whole.body.query is not None
    assert len(whole.body.query) < 65_000
    assert whole.body.query.endswith("the end")
    assert b"sk-can" not in everything_in(tmp_path)
    store.close()
