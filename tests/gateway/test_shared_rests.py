import mmap
import multiprocessing
import random
from pathlib import Path

from fairlead.domain.decision import Arm, Resting
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.gateway.shared_rests import LOOK_EVERY_S, MAX_RESTS, SharedRests, key_of, keys_of, table_bytes

UP, OTHER = UpstreamName("up"), UpstreamName("other")
ARM = Arm(ModelId("lab/a"), UP, ProviderName("p"), SentModel("a"))


def test_what_one_worker_tells_the_others_hear_and_itself_does_not() -> None:
    buffer = bytearray(table_bytes(3))
    first, second, third = (SharedRests(buffer, place) for place in range(3))
    first.tell({UP: 12.5})
    second.tell({UP: 20.0, ARM: 15.25})
    assert third.heard(0.0) == {key_of(UP): 20.0, key_of(ARM): 15.25}
    assert first.heard(0.0) == {key_of(UP): 20.0, key_of(ARM): 15.25}
    assert second.heard(0.0) == {key_of(UP): 12.5}


def test_what_is_told_anew_replaces_what_was_told() -> None:
    buffer = bytearray(table_bytes(2))
    teller, hearer = SharedRests(buffer, 0), SharedRests(buffer, 1)
    teller.tell({UP: 12.5, OTHER: 9.0})
    assert len(hearer.heard(0.0)) == 2
    teller.tell({OTHER: 10.0})
    assert len(hearer.heard(LOOK_EVERY_S / 2)) == 2, "not looked again yet"
    assert hearer.heard(LOOK_EVERY_S) == {key_of(OTHER): 10.0}
    teller.tell({})
    assert hearer.heard(1.0) == {}


def test_more_rests_than_there_is_room_for_are_kept_to_oneself() -> None:
    buffer = bytearray(table_bytes(2))
    many: dict[Resting, float] = {UpstreamName(f"u{n}"): float(n) for n in range(MAX_RESTS + 50)}
    SharedRests(buffer, 0).tell(many)
    assert len(SharedRests(buffer, 1).heard(0.0)) == MAX_RESTS


def test_a_row_that_is_being_written_is_left_for_the_next_look() -> None:
    buffer = bytearray(table_bytes(2))
    teller, hearer = SharedRests(buffer, 0), SharedRests(buffer, 1)
    teller.tell({UP: 5.0})
    assert hearer.heard(0.0) == {key_of(UP): 5.0}
    teller._own[0] += 1
    teller._own[1] = 99
    assert hearer.heard(1.0) == {key_of(UP): 5.0}
    teller._own[0] += 1
    teller.tell({OTHER: 6.0})
    assert hearer.heard(2.0) == {key_of(OTHER): 6.0}


def test_keys_are_the_same_for_the_same_and_tell_all_others_apart() -> None:
    assert key_of(UP) != key_of(OTHER) != key_of(ARM)
    assert keys_of([UP, ARM]) == {key_of(UP): UP, key_of(ARM): ARM}


def _write(path: str, n_rounds: int) -> None:
    with Path(path).open("r+b") as file:
        shared = SharedRests(memoryview(mmap.mmap(file.fileno(), 0)), 0)
        for round_ in range(n_rounds):
            shared.tell({UpstreamName(f"u{n}"): float(round_) for n in range(round_ % 20)})


def test_another_process_never_sees_half_a_row(tmp_path: Path, rng: random.Random) -> None:
    path = tmp_path / "table"
    path.write_bytes(bytes(table_bytes(2)))
    with path.open("r+b") as file:
        shared = SharedRests(memoryview(mmap.mmap(file.fileno(), 0)), 1)
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(str(path), 20_000))
    writer.start()
    n_looks, now_s = 0, 0.0
    while writer.is_alive():
        now_s += 1.0
        rounds = set(shared.heard(now_s).values())
        assert len(rounds) <= 1, "values of two rounds in one row"
        assert not rounds or len(shared.heard(now_s)) == int(rounds.pop()) % 20
        n_looks += 1
    writer.join()
    assert writer.exitcode == 0
    assert n_looks > 0
