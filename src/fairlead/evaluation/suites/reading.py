"""Suites from files: the layout is known by its columns, and an unknown one is refused by name.

A suite is refused whole when a row is wrong, each fault by file and line: nothing is dropped in silence.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.row_faults import Faults, shown, shown_list
from fairlead.evaluation.suite_items import Item, ScorerSpec, Suite
from fairlead.evaluation.suites.fields import FieldError
from fairlead.evaluation.suites.plain import chat_item, plain_item
from fairlead.evaluation.suites.programs import humaneval_item, mbpp_item
from fairlead.evaluation.suites.questions import gsm8k_item, mmlu_columns_item, mmlu_item, mmlu_pro_item
from fairlead.evaluation.suites.row_files import Row, add_fault, read_rows
from fairlead.evaluation.suites.tool_calls import bfcl_item

Reader = Callable[[Mapping[str, Any], str, ScorerSpec | None], Item]


class Layout(NamedTuple):
    """How a benchmark is given out: the columns that tell it, and who reads a row."""

    name: str
    columns: tuple[str, ...]
    read: Reader
    group: str = ""
    """The column by which items belong together, where the benchmark has one."""


LAYOUTS: Final = (
    Layout("bfcl", ("question", "function", "ground_truth"), bfcl_item),
    Layout("humaneval", ("task_id", "prompt", "test", "entry_point"), humaneval_item),
    Layout("mbpp", ("text", "test_list"), mbpp_item),
    Layout("mbpp", ("prompt", "test_list"), mbpp_item),
    Layout("mmlu_pro", ("question", "options", "answer_index"), mmlu_pro_item, "category"),
    Layout("mmlu", ("question", "choices", "answer"), mmlu_item, "subject"),
    Layout("mmlu", ("question", "A", "B", "C", "D", "answer"), mmlu_columns_item, "subject"),
    Layout("gsm8k", ("question", "answer"), gsm8k_item),
    Layout("chat", ("messages",), chat_item),
    Layout("plain", ("prompt",), plain_item),
)
"""The most telling first: the first whose columns are all there is the one."""

IDENTITIES: Final = ("id", "task_id", "question_id", "item_id", "prompt_id")
MAX_ID_CHARS: Final = 200


def read_suite(path: Path, scorer: ScorerSpec | None = None) -> Suite:
    """The suite of one file. `scorer` is for rows that name none.

    Raises: OutcomesError that names file, line and mend, or the columns of a layout that is not known.
    """
    faults = Faults()
    rows = read_rows(path, faults)
    layout = layout_of(path, rows)
    items: list[Item] = []
    places: dict[str, str] = {}
    for number, (place, row) in enumerate(rows, 1):
        try:
            ident = _identity(row, number)
            item = layout.read(row, ident, scorer)
        except FieldError as fault:
            add_fault(faults, path, place, fault.what, fault.mend)
            continue
        first = places.setdefault(ident, place)
        if first != place:
            add_fault(faults, path, place, f"id {shown(ident)} stands in {first} too", "give each row an id of its own")
            continue
        items.append(_grouped(item, row, layout))
    faults.refuse()
    return Suite(path.name.split(".")[0], tuple(items), layout.name, _notes(path, rows, layout))


def layout_of(path: Path, rows: Sequence[tuple[str, Row]]) -> Layout:
    """The layout whose columns the first row has. Raises: OutcomesError."""
    found = dict.fromkeys(name for _, row in rows[:100] for name in row)
    for layout in LAYOUTS:
        if all(column in found for column in layout.columns):
            return layout
    known = "; ".join(f"{layout.name}: {', '.join(layout.columns)}" for layout in LAYOUTS)
    raise OutcomesError(
        f"{path}: no known layout has the columns {shown_list(found, 20)}. Known are {known}. "
        "To mend: rename the columns to one of these; plain needs a `prompt`, and `reference` and `scorer` beside it."
    )


def _identity(row: Row, number: int) -> str:
    for name in IDENTITIES:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            ident = str(value)
            if len(ident) > MAX_ID_CHARS:
                raise FieldError(f"{name} has {len(ident):,} characters", f"keep ids below {MAX_ID_CHARS} characters")
            return ident
    return f"{number}"


def _grouped(item: Item, row: Row, layout: Layout) -> Item:
    value = row.get(layout.group) if layout.group else None
    if not isinstance(value, str) or item.group:
        return item
    return Item(item.id, item.messages, item.reference, item.scorer, value, item.tools)


def _notes(path: Path, rows: Sequence[tuple[str, Row]], layout: Layout) -> tuple[str, ...]:
    notes = [f"{path.name}: {len(rows):,} items in the layout {layout.name}."]
    if not any(name in row for _, row in rows[:100] for name in IDENTITIES):
        notes.append(f"{path.name}: rows have no id; they are called by their number, so keep their order.")
    return tuple(notes)
