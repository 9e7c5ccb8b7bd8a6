"""The full matrix: no silent success, no hang, no invented finish, no lost tool call, at any door over any format."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from fairlead.domain.content import FormatName
from fairlead.domain.events import ArgumentsDelta, ChoiceFinished, Event, ReplyFailed
from fairlead.wire.format import Back, ReplyReader
from fairlead.wire.formats import BACKS
from tests.matrix.cells import Cell, cells, matrix, run_all


def table(results: dict[Cell, str | None]) -> str:
    """Cells by door and format: how many, how many wrong."""
    n_all = Counter((cell.door, cell.back) for cell in results)
    n_red = Counter((cell.door, cell.back) for cell, wrong in results.items() if wrong is not None)
    rows = [f"{door:10} {back:20} {n_all[door, back]:5} cells {n_red[door, back]:4} red" for door, back in n_all]
    return "\n".join([*rows, f"{len(results)} cells in all"])


async def test_every_cell_of_the_matrix_holds() -> None:
    chosen = list(cells())
    async with matrix() as running:
        results = await run_all(running, chosen)
    print(table(results))
    wrong = [f"{cell}: {said}" for cell, said in results.items() if said is not None]
    assert not wrong, f"{len(wrong)} of {len(results)} cells are red:\n" + "\n".join(wrong[:60])


class Broken:
    """A reader whose events are spoilt on the way."""

    def __init__(self, reader: ReplyReader, spoil: Callable[[list[Event]], list[Event]]) -> None:
        self._reader = reader
        self._spoil = spoil

    @property
    def is_done(self) -> bool:
        return self._reader.is_done

    def feed(self, data: bytes) -> list[Event]:
        return self._spoil(self._reader.feed(data))

    def end(self) -> list[Event]:
        return self._spoil(self._reader.end())


def invents_finish(events: list[Event]) -> list[Event]:
    return [ChoiceFinished("stop") if isinstance(event, ReplyFailed) else event for event in events]


def drops_arguments(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, ArgumentsDelta)]


def drops_finish(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, ChoiceFinished)]


SPOILT: Final = {"a finish invented": invents_finish, "arguments dropped": drops_arguments, "no finish": drops_finish}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_broken_engine_turns_cells_red(how: str) -> None:
    """The matrix can fail: the same cells, over readers that do what must never be done."""
    spoil = SPOILT[how]

    def broken(back: Back) -> Back:
        return back._replace(reader=lambda: Broken(back.reader(), spoil))

    backs: dict[FormatName, Back] = {name: broken(back) for name, back in BACKS.items()}
    chosen = [
        cell
        for cell in cells()
        if cell.is_stream and cell.back == "gemini_generate" and cell.scene.kind in ("tools", "cut", "ok")
    ]
    async with matrix(backs) as running:
        results = await run_all(running, chosen)
    n_doors = len({cell.door for cell in chosen})
    assert sum(wrong is not None for wrong in results.values()) >= n_doors > 0, table(results)
