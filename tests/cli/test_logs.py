"""`fairlead logs` on a store of the test's own: what is shown, followed, exported and forgotten."""

from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from fairlead.assembly.traffic import open_store, spools_folder
from fairlead.cli import logs
from fairlead.domain.content import Text, Turn
from fairlead.domain.errors import SetupError, StoreError
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage
from fairlead.settings.store_section import StoreSection
from fairlead.store.spool import Spool
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from tests.cli.running import run
from tests.store.small_traffic import Told, batch_of

WORDS = "the tide turns at dawn"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store is there and empty."""
    place = tmp_path / "fairlead.yaml"
    place.write_text(f"store: {{path: {tmp_path}/traffic.db}}\ndiscover: false\n")
    SqliteDatabase(tmp_path / "traffic.db").close()
    return place


def opened(config: Path) -> SqlStore:
    return SqlStore(lambda: SqliteDatabase(config.parent / "traffic.db"))


def spool_of(config: Path, name: str) -> Spool:
    """One that holds a request of the tenant blue and one of the tenant red, with their prompts."""
    spool = Spool(config.parent / "traffic.db.spools", name, 10**6)
    told = [
        Told(name=f"{name}-{tenant}", tenant=tenant, prompt=lambda: ChatRequest((Turn("user", (Text(WORDS),)),)))
        for tenant in ("blue", "red")
    ]
    assert spool.append(batch_of(*(moment for each in told for moment in each.moments()), writer=name))
    return spool


def forget(config: Path, code: int = 0) -> str:
    return run("logs", "forget", "--config", config, "--tenant", "blue", "--yes", code=code)


def test_what_dead_writers_left_in_their_spools_is_forgotten_too(config: Path) -> None:
    spool_of(config, "dead").close()
    assert "0 rows are gone" not in forget(config)
    store = opened(config)
    assert [row.decision_id for row in store.requests(Search())] == ["dead-red"], "and another's is kept"
    store.close()
    assert list((config.parent / "traffic.db.spools").iterdir()) == []
    assert run("logs", "--config", config, "--tenant", "blue", "--since", "0", "--json") == ""
    held = b"".join(path.read_bytes() for path in config.parent.rglob("*") if path.is_file())
    assert held.count(WORDS.encode()) == 2, "the query and the prompt of the other tenant"


def test_what_waits_in_the_spool_of_a_living_writer_is_named(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SPOOLS_WITHIN_S", 0.0)
    living = spool_of(config, "living")
    told = forget(config, code=1)
    assert "0 rows are gone" in told
    assert "living.spool" in told
    living.clear()
    assert "error" not in forget(config)
    living.close()


def test_the_demos_traffic_is_not_that_of_a_database_that_the_configuration_names(tmp_path: Path) -> None:
    section = StoreSection(url="postgresql://nobody@127.0.0.1:9/none")
    env = {"XDG_DATA_HOME": str(tmp_path)}
    store = open_store(section, env, is_demo=True)
    assert store.requests(Search()) == ()
    store.close()
    assert (tmp_path / "fairlead" / "demo-traffic.db").is_file()
    assert spools_folder(section, env, is_demo=True) == tmp_path / "fairlead" / "demo-traffic.db.spools"


def test_the_tokens_of_a_request_are_all_of_its_input(config: Path) -> None:
    store = opened(config)
    store.put(batch_of(*Told(name="d1", usage=Usage(100, 900, 20, 50, 5)).moments(), at_s=1e9))
    store.put(batch_of(*Told(name="d2", usage=None).moments(), at_s=1e9, number=2))
    store.close()
    shown = run("logs", "--config", config, "--since", "0")
    assert "1020+50" in shown
    assert shown.count("+") == 1


def tables_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows and columns of each file."""
    found = {}
    for path in sorted(folder.iterdir()):
        table = parquet.read_table(path)
        found[path.name] = (table.num_rows, table.num_columns)
    return found


def test_an_export_of_nothing_is_three_empty_tables_that_replace_older_ones(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export = ("logs", "export", "--config", config, "--since", "0", "-o", folder)
    assert "0 rows in" in run(*export)
    empty = tables_in(folder)
    assert {name: n for name, (n, _) in empty.items()} == dict.fromkeys(
        ("attempts.parquet", "candidates.parquet", "requests.parquet"), 0
    )
    store = opened(config)
    store.put(batch_of(*Told().moments(), at_s=1e9))
    store.close()
    assert "1 rows in" in run(*export)
    full = tables_in(folder)
    assert {name: n for name, (n, _) in full.items()} == {
        "attempts.parquet": 1, "candidates.parquet": 3, "requests.parquet": 1,
    }  # fmt: skip
    assert [n for _, n in full.values()] == [n for _, n in empty.values()]
    run(*export, "--tenant", "nobody")
    assert tables_in(folder) == empty


def test_an_export_that_breaks_off_leaves_the_older_one(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreError("the store went away")

    folder = tmp_path / "exported"
    run("logs", "export", "--config", config, "-o", folder)
    before = tables_in(folder)
    monkeypatch.setattr(SqlStore, "attempts", away)
    with pytest.raises(StoreError):
        run("logs", "export", "--config", config, "-o", folder)
    assert tables_in(folder) == before


def test_an_export_into_a_folder_that_cannot_be_made_says_so(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written to"):
        run("logs", "export", "--config", config, "-o", tmp_path / "file" / "below")
