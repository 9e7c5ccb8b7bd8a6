import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.errors import ArtifactError
from fairlead.domain.outline import Outline
from fairlead.routing.artifact import MAGIC, VERSION, card_of, dump, load
from tests.routing.small_reader import small_reader

CARD = {"title": "a test", "sources": {}}
DATA = dump(small_reader(seed=2), CARD)


def test_what_was_dumped_is_loaded_bit_by_bit() -> None:
    reader = small_reader(seed=2)

    loaded = load(DATA)

    assert np.array_equal(loaded.table, reader.table) and loaded.table.dtype == np.float32
    assert np.array_equal(loaded.surface_weights, reader.surface_weights)
    assert loaded.anchors == reader.anchors
    outline = Outline(turn_text="How many apples?", turn_chars=16)
    assert loaded.read(outline) == reader.read(outline)
    assert card_of(DATA) == CARD
    assert dump(loaded, CARD) == DATA


@settings(max_examples=30)
@given(st.integers(0, len(DATA) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(ArtifactError, match="make artefact"):
        load(DATA[:length])


@settings(max_examples=30)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(place: int, difference: int) -> None:
    changed = bytearray(DATA)
    changed[place] ^= difference

    with pytest.raises(ArtifactError):
        load(bytes(changed))


def resealed(data: bytes) -> bytes:
    from hashlib import sha256

    return data[:-32] + sha256(data[:-32]).digest()


def test_a_file_of_a_later_version_says_to_upgrade() -> None:
    later = MAGIC + (VERSION + 1).to_bytes(2, "little") + DATA[10:]

    with pytest.raises(ArtifactError, match="upgrade fairlead"):
        load(resealed(later))


def test_a_file_for_other_features_is_refused() -> None:
    assert DATA.count(b'"run_bytes": 5') == 1
    with pytest.raises(ArtifactError, match="other features"):
        load(resealed(DATA.replace(b'"run_bytes": 5', b'"run_bytes": 4')))


def test_arrays_that_do_not_fit_their_shapes_are_refused() -> None:
    header_length = int.from_bytes(DATA[10:14], "little")
    header = json.loads(DATA[14 : 14 + header_length])
    header["arrays"]["steps"] = [8]
    text = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    changed = DATA[:10] + len(text).to_bytes(4, "little") + text + DATA[14 + header_length :]

    with pytest.raises(ArtifactError, match="does not fit together"):
        load(resealed(changed))


def test_a_weight_too_large_to_add_exactly_is_refused() -> None:
    reader = small_reader()
    table = reader.table.copy()
    table[7, 1] = 5_000

    with pytest.raises(ArtifactError, match="above"):
        load(dump(dataclasses.replace(reader, table=table), CARD))


def test_other_bytes_are_refused() -> None:
    for data in (b"", b"fairlead", b"PK\x03\x04" + bytes(100), DATA + b"\0"):
        with pytest.raises(ArtifactError):
            load(data)
