"""Migrations: the numbered SQL files of a dialect, applied once and in order, and known by their checksums."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fairlead.domain.errors import StoreError

FOLDER: Final = Path(__file__).with_name("sql")
TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)"
)
APPLIED: Final = "SELECT number, sha256 FROM migrations"
NOTED: Final = "INSERT INTO migrations (number, name, sha256) VALUES ({}, {}, {})"


class Migration(NamedTuple):
    """One file. Never edited once it has been published."""

    number: int
    name: str
    sql: str
    sha256: str


def migrations(dialect: str) -> tuple[Migration, ...]:
    """All of them, in order."""
    found = []
    for path in sorted((FOLDER / dialect).glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found.append(
            Migration(int(path.stem.split("_")[0]), path.stem, text, hashlib.sha256(text.encode()).hexdigest())
        )
    return tuple(found)


def missing(known: tuple[Migration, ...], applied: Mapping[int, str], where: str) -> tuple[Migration, ...]:
    """What still has to be applied to a store in which these numbers stand with these checksums.

    Raises: StoreError for a store of a later version of Fairlead, or one that somebody has changed.
    """
    by_number = {migration.number: migration for migration in known}
    for number, sha256 in sorted(applied.items()):
        ours = by_number.get(number)
        if ours is None:
            raise StoreError(
                f"{where}: this store was written by a later version of Fairlead (it has migration {number}, this "
                f"version knows {max(by_number)}): update Fairlead, or name another store under 'store'"
            )
        if ours.sha256 != sha256:
            raise StoreError(
                f"{where}: migration {ours.name} was applied to this store with another text than this version has: "
                "it comes from a build that was never published. Name another store under 'store'"
            )
    return tuple(migration for migration in known if migration.number not in applied)


def statements(sql: str) -> list[str]:
    """A file's statements. Ours hold no semicolon but at their ends."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return [text.strip() for text in "\n".join(lines).split(";") if text.strip()]
