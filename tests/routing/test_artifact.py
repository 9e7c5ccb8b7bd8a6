import dataclasses
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing import artifact
from fairlead.routing.artifact import PromptModel, card_of, checksum_of, dump, load
from fairlead.routing.container import pack, unpack
from fairlead.routing.modelmap.measured import MeasuredAbility
from tests.routing.small_reader import small_reader, small_table

CARD = {"title": "a test", "sources": {}}
TABLE = checksum_of(b"a table of word pieces" * 3)
K = len(KINDS)
MEASURED = {
    name: MeasuredAbility(
        name,
        np.diag(np.full(K, float(n))),
        np.arange(K, dtype=np.float64),
        (float(n),) * K,
        10 * n,
        ("s", "t"),
        frozenset({"mmlu"}),
        "2026-01-01",
    )
    for name, n in (("b/two", 2), ("a/one", 1))
}
MODEL = PromptModel(small_reader(seed=2), MEASURED)
DATA = dump(MODEL, TABLE, CARD)


def test_what_was_dumped_is_loaded_bit_by_bit() -> None:
    loaded = load(DATA, small_table(), TABLE)

    assert np.array_equal(loaded.reader.piece_table, MODEL.reader.piece_table)
    assert loaded.reader.anchors == MODEL.reader.anchors
    outline = Outline(turn_text="How many apples?", turn_chars=16)
    assert loaded.reader.read(outline) == MODEL.reader.read(outline)
    assert set(loaded.measured) == {"a/one", "b/two"}
    one, other = loaded.measured["b/two"], MEASURED["b/two"]
    assert np.array_equal(one.precision, other.precision) and np.array_equal(one.pull, other.pull)
    assert one.n_by_kind == other.n_by_kind and one.benchmarks == other.benchmarks and one.sources == other.sources
    assert card_of(DATA) == CARD
    assert dump(loaded, TABLE, CARD) == DATA


def test_without_a_measured_model_there_is_none() -> None:
    assert load(dump(PromptModel(MODEL.reader, {}), TABLE, CARD), small_table(), TABLE).measured == {}


@settings(max_examples=20)
@given(st.integers(0, len(DATA) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(ArtifactError, match="make artefact"):
        load(DATA[:length], small_table(), TABLE)


@settings(max_examples=20)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(place: int, difference: int) -> None:
    changed = bytearray(DATA)
    changed[place] ^= difference

    with pytest.raises(ArtifactError):
        load(bytes(changed), small_table(), TABLE)


def test_a_file_of_the_first_layout_says_how_to_mend_it() -> None:
    first = b"fairlead" + (1).to_bytes(2, "little") + (2).to_bytes(4, "little") + b"{}"

    with pytest.raises(ArtifactError, match="make artefact"):
        load(first + sha256(first).digest(), small_table(), TABLE)


def test_a_file_of_a_later_version_says_to_upgrade() -> None:
    header, arrays = unpack(DATA, artifact.KIND, artifact.VERSION, "")

    with pytest.raises(ArtifactError, match="upgrade fairlead"):
        load(pack(artifact.KIND, artifact.VERSION + 1, header, arrays), small_table(), TABLE)


def test_a_file_for_another_table_of_word_pieces_is_refused() -> None:
    with pytest.raises(ArtifactError, match="another table"):
        load(DATA, small_table(), "00")


def repacked(changes: dict[str, NDArray[Any] | None] | None = None, **header: Any) -> bytes:
    """The artefact with other arrays or header members."""
    old, arrays = unpack(DATA, artifact.KIND, artifact.VERSION, "")
    kept = {name: array for name, array in {**arrays, **(changes or {})}.items() if array is not None}
    return pack(artifact.KIND, artifact.VERSION, {**old, **header}, kept)


def test_a_file_for_other_features_is_refused() -> None:
    header, _ = unpack(DATA, artifact.KIND, artifact.VERSION, "")

    with pytest.raises(ArtifactError, match="other features"):
        load(repacked(features={**header["features"], "pieces": "all"}), small_table(), TABLE)


@pytest.mark.parametrize(
    "changes",
    [
        {"piece_steps": None},
        {"piece_steps": np.ones(8)},
        {"piece_steps": np.ones(9, dtype=np.float32)},
        {"landmarks.shape_sd": np.zeros(30, dtype=np.float32)},
        {"landmarks.meaning": np.zeros((3, 9), dtype=np.float32)},
        {"measured.pulls": np.zeros((1, K))},
        {"measured.precisions": np.tile(-np.eye(K), (2, 1, 1))},
        {"measured.precisions": np.tile(np.triu(np.ones((K, K))), (2, 1, 1))},
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changes: dict[str, NDArray[Any] | None]) -> None:
    with pytest.raises(ArtifactError, match="does not fit together"):
        load(repacked(changes), small_table(), TABLE)


def test_a_weight_too_large_to_add_exactly_is_refused() -> None:
    table = MODEL.reader.piece_table.copy()
    table[7, 1] = 5_000
    reader = dataclasses.replace(MODEL.reader, piece_table=table)

    with pytest.raises(ArtifactError, match="above"):
        load(dump(PromptModel(reader, {}), TABLE, CARD), small_table(), TABLE)


def test_other_bytes_are_refused() -> None:
    for data in (b"", b"fairlead", b"PK\x03\x04" + bytes(100), DATA + b"\0"):
        with pytest.raises(ArtifactError):
            load(data, small_table(), TABLE)
