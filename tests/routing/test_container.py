import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.routing.container import (
    ALIGNMENT_BYTES,
    DTYPES,
    LAYOUT_VERSION,
    MAGIC,
    pack,
    pack_texts,
    unpack,
    unpack_texts,
)

MEND = "train it again"
HEAD_AT = 22
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | NAMES | st.booleans()
HEADERS = st.dictionaries(NAMES, NUMBERS | st.none() | st.lists(NUMBERS, max_size=3), max_size=4)


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else None
    return draw(st_numpy.arrays(dtype, shape, elements=elements))


def small_file() -> bytes:
    table = np.arange(24, dtype=np.int8).reshape(4, 6)
    return pack("router", 3, {"note": "éß", "sizes": [1, 2]}, {"table": table, "steps": np.array([0.5, -2.0])})


DATA = small_file()


def resealed(body: bytes) -> bytes:
    """The bytes with true length and checksum, as a careful forger would leave them."""
    body = body[:10] + (len(body) + 32).to_bytes(8, "little") + body[18:]
    return body + sha256(body).digest()


def forged(change: Callable[[dict[str, Any]], None]) -> bytes:
    """DATA with another head."""
    length = int.from_bytes(DATA[18:HEAD_AT], "little")
    head = json.loads(DATA[HEAD_AT : HEAD_AT + length])
    change(head)
    return with_head(json.dumps(head).encode())


def with_head(text: bytes) -> bytes:
    """DATA with these bytes as its head."""
    old_end = HEAD_AT + int.from_bytes(DATA[18:HEAD_AT], "little")
    payload = DATA[old_end + -old_end % ALIGNMENT_BYTES : -32]
    padding = bytes(-(HEAD_AT + len(text)) % ALIGNMENT_BYTES)
    return resealed(DATA[:18] + len(text).to_bytes(4, "little") + text + padding + payload)


@settings(max_examples=60)
@given(HEADERS, st.dictionaries(NAMES, arrays(), max_size=4))
def test_what_was_packed_is_unpacked_bit_for_bit(header: dict[str, Any], packed: dict[str, NDArray[Any]]) -> None:
    data = pack("thing", 1, header, packed)

    read, unpacked = unpack(data, "thing", 1, MEND)

    assert read == header
    assert list(unpacked) == list(packed)
    for name, array in packed.items():
        assert (unpacked[name].dtype, unpacked[name].shape) == (array.dtype, array.shape)
        assert unpacked[name].tobytes() == array.tobytes()
    assert pack("thing", 1, read, unpacked) == data


@settings(max_examples=60)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, difference: int) -> None:
    changed = bytearray(DATA)
    changed[place] ^= difference

    with pytest.raises(ArtifactError):
        unpack(bytes(changed), "router", 3, MEND)


@settings(max_examples=60)
@given(st.integers(0, len(DATA) - 1))
def test_any_cut_is_refused(length: int) -> None:
    with pytest.raises(ArtifactError, match=MEND):
        unpack(DATA[:length], "router", 3, MEND)


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_a_head_of_any_bytes_is_read_or_refused_but_never_a_crash(text: bytes) -> None:
    with pytest.raises(ArtifactError):
        unpack(with_head(text), "router", 3, MEND)


def test_a_cut_file_says_how_much_is_missing() -> None:
    with pytest.raises(ArtifactError, match=f"cut short: 100 bytes of {len(DATA)}"):
        unpack(DATA[:100], "router", 3, MEND)


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(ArtifactError, match="changed"):
        unpack(DATA + b"\0", "router", 3, MEND)


@pytest.mark.parametrize("data", [b"", b"fair", b"PK\x03\x04" + bytes(200), b"\x80\x05" + bytes(100)])
def test_foreign_bytes_are_named_so(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="no file of fairlead: train it again"):
        unpack(data, "router", 3, MEND)


def test_the_first_layout_is_named_by_its_number() -> None:
    with pytest.raises(ArtifactError, match="layout 1, this fairlead reads 2: train it again"):
        unpack(MAGIC + (1).to_bytes(2, "little") + bytes(80), "router", 3, MEND)


def test_a_later_layout_says_to_upgrade() -> None:
    later = MAGIC + (LAYOUT_VERSION + 1).to_bytes(2, "little") + DATA[10:]

    with pytest.raises(ArtifactError, match="upgrade fairlead"):
        unpack(later, "router", 3, MEND)


def test_another_kind_is_named() -> None:
    with pytest.raises(ArtifactError, match="holds a 'router', not a 'model map': train it again"):
        unpack(DATA, "model map", 3, MEND)


def test_a_later_version_says_to_upgrade_and_an_earlier_one_how_to_mend() -> None:
    with pytest.raises(ArtifactError, match="version 3, this fairlead reads 2: upgrade fairlead"):
        unpack(DATA, "router", 2, MEND)
    with pytest.raises(ArtifactError, match="version 3, this fairlead reads 4: train it again"):
        unpack(DATA, "router", 4, MEND)


SHAPES: list[Any] = [
    [4, 7],
    [4, 5],
    [-4, -6],
    [2**40, 2**40],
    [0, 2**70],
    [2**63, 2],
    [1] * 70,
    [True, 24],
    [24.0],
    "24",
    None,
    {},
    [[24]],
    [10**2000],
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape)[:20])
def test_a_lying_shape_is_refused(shape: Any) -> None:
    data = forged(lambda head: head["arrays"][0].update(shape=shape))

    with pytest.raises(ArtifactError, match=f"cannot be used.*{MEND}"):
        unpack(data, "router", 3, MEND)


@pytest.mark.parametrize("dtype", ["|O", ">f4", "<f2", "<U4", "f8,f8", "<i1 ", "", 7, None, ["<f4"]])
def test_a_type_that_is_not_on_the_list_is_refused(dtype: Any) -> None:
    data = forged(lambda head: head["arrays"][0].update(dtype=dtype))

    with pytest.raises(ArtifactError, match="has the type"):
        unpack(data, "router", 3, MEND)


def swap_name(head: dict[str, Any]) -> None:
    head["arrays"][1]["name"] = "table"


def drop_array(head: dict[str, Any]) -> None:
    del head["arrays"][1]


def lie_together(head: dict[str, Any]) -> None:
    head["arrays"][1].update(shape=[3], n_bytes=24)


def set_head(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(head: dict[str, Any]) -> None:
        head[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swap_name, "taken"),
        (drop_array, "belong to no array"),
        (lie_together, "beyond the end"),
        (set_head("arrays", {}), "lacks"),
        (set_head("arrays", [7]), "not described"),
        (set_head("header", []), "lacks"),
        (set_head("version", "3"), "version '3'"),
        (set_head("version", True), "version True"),
        (set_head("kind", ["router"] * 99), "holds a"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(change: Callable[[dict[str, Any]], None], reason: str) -> None:
    with pytest.raises(ArtifactError, match=reason) as caught:
        unpack(forged(change), "router", 3, MEND)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"version": 1' + b"0" * 10_000 + b"}",
        b'{"version": 1e999}',
        b'{"version": NaN}',
        b"\xff\xfe",
        b"[]",
    ],
    ids=["deep lists", "deep objects", "long number", "infinity", "nan", "no text", "list"],
)
def test_a_json_bomb_is_refused(text: bytes) -> None:
    with pytest.raises(ArtifactError, match=MEND):
        unpack(with_head(text), "router", 3, MEND)


def test_a_head_longer_than_the_file_is_refused() -> None:
    data = resealed(DATA[:18] + (2**32 - 1).to_bytes(4, "little") + DATA[HEAD_AT:-32])

    with pytest.raises(ArtifactError, match="longer than"):
        unpack(data, "router", 3, MEND)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floats_that_are_not_finite_are_refused_on_both_sides(value: float) -> None:
    array = np.array([1.0, value], dtype=np.float32)

    with pytest.raises(ArtifactError, match="'x' holds"):
        pack("thing", 1, {}, {"x": array})
    data = pack("thing", 1, {}, {"x": np.array([1.0, 2.0], dtype=np.float32)})
    poisoned = data[:-40] + array.tobytes()
    with pytest.raises(ArtifactError, match="'x' holds"):
        unpack(resealed(poisoned), "thing", 1, MEND)


def test_nan_passes_only_where_both_sides_name_it_and_infinity_nowhere() -> None:
    data = pack("thing", 1, {}, {"x": np.array([np.nan])}, may_hold_nan=("x",))

    assert np.isnan(unpack(data, "thing", 1, MEND, may_hold_nan=("x",))[1]["x"]).all()
    with pytest.raises(ArtifactError, match="not a number"):
        unpack(data, "thing", 1, MEND)
    with pytest.raises(ArtifactError, match="infinity"):
        pack("thing", 1, {}, {"x": np.array([np.inf])}, may_hold_nan=("x",))


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([{}]), np.array([True]), np.array([1j]), np.array([1.0], dtype=np.float16)]
)
def test_a_type_that_does_not_belong_is_not_packed(array: NDArray[Any]) -> None:
    with pytest.raises(ArtifactError, match="convert it"):
        pack("thing", 1, {}, {"x": array})


def test_a_big_endian_array_is_stored_by_value() -> None:
    array = np.array([1, 2, 3], dtype=">i4")

    unpacked = unpack(pack("thing", 1, {}, {"x": array}), "thing", 1, MEND)[1]["x"]

    assert unpacked.tolist() == [1, 2, 3]


def looped() -> dict[str, Any]:
    header: dict[str, Any] = {}
    header["self"] = header
    return header


@pytest.mark.parametrize("header", [{"x": np.inf}, {"x": {1, 2}}, {"x": "\ud800"}, looped()], ids=str)
def test_a_header_that_is_no_json_is_not_packed(header: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="no JSON"):
        pack("thing", 1, header, {})


def test_arrays_are_views_on_aligned_places_that_cannot_be_written() -> None:
    arrays = unpack(DATA, "router", 3, MEND)[1]

    for array in arrays.values():
        assert not array.flags.writeable and not array.flags.owndata
    whole = np.frombuffer(DATA, dtype=np.uint8).ctypes.data
    assert [(array.ctypes.data - whole) % ALIGNMENT_BYTES for array in arrays.values()] == [0, 0]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=10), max_size=8))
def test_a_table_of_texts_comes_back(texts: list[str]) -> None:
    data = pack("thing", 1, {}, pack_texts("words", texts))

    assert unpack_texts(unpack(data, "thing", 1, MEND)[1], "words", MEND) == tuple(texts)


def test_texts_that_do_not_fit_are_refused() -> None:
    arrays = pack_texts("words", ["één", "two"])
    ends = arrays["words.ends"]
    worse: list[tuple[str, NDArray[Any]]] = [
        ("words.ends", ends[:1]),
        ("words.ends", ends[::-1]),
        ("words.ends", ends - 100),
        ("words.ends", np.array([1, 8], dtype=np.int64)),
        ("words.ends", np.array([2**62, 8], dtype=np.int64)),
        ("words.ends", ends.astype(np.int32)),
        ("words.bytes", np.full(8, 255, dtype=np.uint8)),
        ("words.bytes", arrays["words.bytes"].astype(np.float64)),
        ("words.bytes", arrays["words.bytes"].reshape(1, -1)),
    ]

    for name, array in worse:
        with pytest.raises(ArtifactError, match=f"words.*{MEND}"):
            unpack_texts({**arrays, name: array}, "words", MEND)
    with pytest.raises(ArtifactError, match="missing"):
        unpack_texts({}, "words", MEND)
    with pytest.raises(ArtifactError, match="Unicode"):
        pack_texts("words", ["\ud800"])
