"""The spool: what went in comes out, up to where a crash has cut it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fairlead.store.spool import Spool, read_batches
from fairlead.store.tables import Batch
from tests.store.small_traffic import Told, batch_of

BATCHES = [batch_of(*Told(name=f"d{number}").moments(), number=number) for number in range(1, 4)]


def plain(batch: Batch) -> tuple[object, ...]:
    return (*batch[:3], [(put.table, [list(row) for row in put.rows]) for put in batch.puts])


def filled(folder: Path) -> Path:
    spool = Spool(folder, "w", 1_000_000)
    for batch in BATCHES:
        assert spool.append(batch)
    assert [plain(batch) for batch in spool.batches()] == [plain(batch) for batch in BATCHES]
    spool.close()
    return folder / "w.spool"


def test_what_went_in_comes_out_in_order(tmp_path: Path) -> None:
    assert [plain(batch) for batch in read_batches(filled(tmp_path))] == [plain(batch) for batch in BATCHES]


def test_a_spool_that_was_cut_or_damaged_gives_what_is_whole(tmp_path: Path) -> None:
    whole = filled(tmp_path).read_bytes()

    @given(st.integers(0, len(whole) - 1), st.booleans())
    def holds(at: int, is_cut: bool) -> None:
        damaged = tmp_path / "damaged.spool"
        damaged.write_bytes(whole[:at] if is_cut else whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        found = [plain(batch) for batch in read_batches(damaged)]
        assert found == [plain(batch) for batch in BATCHES][: len(found)]
        assert len(found) < len(BATCHES)

    holds()


def test_a_cleared_spool_begins_anew_and_an_empty_one_goes_away(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w", 1_000_000)
    assert spool.append(BATCHES[0])
    spool.clear()
    assert spool.append(BATCHES[1])
    assert [plain(batch) for batch in spool.batches()] == [plain(BATCHES[1])]
    spool.clear()
    spool.close()
    assert not (tmp_path / "w.spool").exists()


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not Spool(tmp_path / "file" / "below", "w", 1_000_000).append(BATCHES[0])
