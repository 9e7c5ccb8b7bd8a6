"""Every fuzz target on its seeds, on some mutants, and on what fuzzing has found; `make fuzz` runs them for minutes."""

import random
from typing import Final

import pytest

from fairlead.domain.events import Event
from fairlead.wire.formats import BACKS
from tests.fuzz.mutation import Mutate, mutate_bytes, mutate_events, mutate_json, mutate_messages
from tests.fuzz.run import outcome
from tests.fuzz.seeds import FOUND
from tests.fuzz.targets import TARGETS, stream_target

N_MUTANTS: Final = 120
N_KEPT: Final = 1
"""Cases in the repository."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_ends_well_on_its_seeds_and_on_mutants_of_them(name: str) -> None:
    target = TARGETS[name]
    source = random.Random(name)
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)
    for _ in range(N_MUTANTS):
        mutant = target.mutate(source.choice(seeds), source)
        if source.random() < 0.5:
            mutant = target.mutate(mutant, source)
        target.run(mutant)


def test_what_fuzzing_has_found_stays_mended() -> None:
    cases = sorted(FOUND.glob("*/*"))
    assert len(cases) >= N_KEPT, "cases of the repository are missing"
    for case in cases:
        try:
            TARGETS[case.parent.name].run(case.read_bytes())
        except Exception as error:
            error.add_note(f"found before: {case.parent.name}/{case.name}")
            raise


def test_a_reader_whose_events_depend_on_the_cut_is_found_out() -> None:
    """The targets can fail: a reader that loses what stands on the edge of a piece."""

    class Forgetful:
        def __init__(self) -> None:
            self._reader = BACKS["gemini_generate"].reader()

        @property
        def is_done(self) -> bool:
            return self._reader.is_done

        def feed(self, data: bytes) -> list[Event]:
            return self._reader.feed(data if data.endswith(b"\n\n") else data[:-1])

        def end(self) -> list[Event]:
            return self._reader.end()

    target = stream_target(BACKS["gemini_generate"]._replace(reader=Forgetful))
    with pytest.raises(AssertionError, match="another cut"):
        target.run(target.seeds()[0])


@pytest.mark.parametrize("mutate", [mutate_json, mutate_events, mutate_messages, mutate_bytes])
def test_mutants_differ_from_their_seed(mutate: Mutate) -> None:
    source = random.Random(1)
    seed = TARGETS["event-stream" if mutate is mutate_messages else "stream-openai_chat"].seeds()[0]
    seed = seed if mutate is not mutate_json else TARGETS["request-chat"].seeds()[0]
    assert sum(mutate(seed, source) != seed for _ in range(50)) > 30


def test_a_target_that_ran_no_input_is_a_fault() -> None:
    assert outcome(0, "stat::number_of_executed_units: 51") == (51, "")
    assert outcome(0, "stat::number_of_executed_units: 0")[1].startswith("it ran no input")
    assert outcome(0, "")[1]
    assert outcome(77, "stat::number_of_executed_units: 5\ncrash") == (5, "stat::number_of_executed_units: 5\ncrash")
