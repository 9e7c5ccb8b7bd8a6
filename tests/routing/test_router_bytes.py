"""A router as bytes: the same router comes back bit for bit, or none at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fairlead.assembly.shipped import static_table
from fairlead.domain.errors import ArtifactError
from fairlead.domain.outline import outline_of_text
from fairlead.learning.training import train
from fairlead.routing.container import pack, unpack
from fairlead.routing.features.joined_embedder import JoinedEmbedder
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.policies.objective import Objective
from fairlead.routing.router_bytes import KIND, VERSION, dump_router, load_router
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_trainings import POEM, SUM, encoder, every_figure, sums_and_poems, texts

TEXTS = (SUM, POEM, "", "😀", "\x00\xff", *texts(20, seed=9))
NAN = ("stack.neighbours.scores", "costs.input_usd", "costs.output_usd", "costs.fit_error")

Header = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def router() -> TrainedRouter:
    return train(every_figure(), encoder(), card={"as_of": "2026-01-01", "files": ["a.csv"]}).router


@pytest.fixture(scope="module")
def stored(router: TrainedRouter) -> bytes:
    return dump_router(router)


def changed(stored: bytes, change: Callable[[Header, Arrays], object]) -> bytes:
    """The file with a true checksum after a change."""
    header, arrays = unpack(stored, KIND, VERSION, "", may_hold_nan=NAN)
    change(header, arrays)
    return pack(KIND, VERSION, header, arrays, may_hold_nan=NAN)


def test_what_is_read_foretells_and_chooses_bit_for_bit_alike(router: TrainedRouter, stored: bytes) -> None:
    read = load_router(stored)
    outlines = [outline_of_text(text) for text in TEXTS]
    before, after = router.foretell(outlines), read.foretell(outlines)
    for name, matrix in before._asdict().items():
        np.testing.assert_array_equal(getattr(after, name), matrix, err_msg=name, strict=True)
    for objective in (Objective(), Objective(cost_weight=0.3)):
        assert read.choose(after, objective).tolist() == router.choose(before, objective).tolist()
    assert (read.arms, read.verdict, dict(read.card)) == (router.arms, router.verdict, dict(router.card))
    assert read.cost_scale_usd == router.cost_scale_usd


def test_what_is_read_is_written_the_same(stored: bytes) -> None:
    assert dump_router(load_router(stored)) == stored


def test_alone_or_in_a_batch_a_text_is_foretold_the_same(router: TrainedRouter) -> None:
    batch = router.foretell([outline_of_text(text) for text in TEXTS])
    for place, text in enumerate(TEXTS):
        alone = router.foretell([outline_of_text(text)])
        for name, matrix in alone._asdict().items():
            np.testing.assert_allclose(matrix[0], getattr(batch, name)[place], rtol=1e-5, atol=1e-6, err_msg=name)


def test_heads_that_are_not_there_stay_away() -> None:
    bare = train(sums_and_poems(20), encoder(), parts=("linear", "neighbours")).router
    read = load_router(dump_router(bare))
    assert (read.lengths, read.costs, read.delays, read.cost_scale_usd) == (None, None, None, None)
    assert list(read.stack.parts) == ["linear", "neighbours"]


def test_no_text_of_a_query_is_in_the_file(stored: bytes) -> None:
    for text in sums_and_poems(60).queries.texts:
        assert text.encode() not in stored
        assert text[-24:].encode() not in stored


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.999999])
def test_a_cut_file_is_refused(stored: bytes, share: float) -> None:
    with pytest.raises(ArtifactError, match=r"cut short|no file of fairlead"):
        load_router(stored[: int(len(stored) * share)])


def test_a_file_with_more_at_its_end_is_refused(stored: bytes) -> None:
    with pytest.raises(ArtifactError, match="changed"):
        load_router(stored + b"\0")


def test_any_flipped_bit_is_noticed(stored: bytes) -> None:
    for place in np.random.default_rng(0).integers(0, len(stored), 12).tolist():
        flipped = bytearray(stored)
        flipped[place] ^= 1
        with pytest.raises(ArtifactError):
            load_router(bytes(flipped))


@pytest.mark.parametrize("foreign", [b"", b"PK\x03\x04 something", b"fairlead", b"{}", b"\x80\x04]\x94."])
def test_a_foreign_file_is_refused(foreign: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"no file of fairlead|cut short"):
        load_router(foreign)


def test_a_file_of_another_kind_or_time_is_refused(stored: bytes) -> None:
    header, arrays = unpack(stored, KIND, VERSION, "", may_hold_nan=NAN)
    with pytest.raises(ArtifactError, match="version 2, this fairlead reads 1: upgrade fairlead"):
        load_router(pack(KIND, VERSION + 1, header, arrays, may_hold_nan=NAN))
    with pytest.raises(ArtifactError, match="holds a 'table', not a 'router'"):
        load_router(pack("table", VERSION, header, arrays, may_hold_nan=NAN))
    future = bytearray(stored)
    future[8:10] = (99).to_bytes(2, "little")
    with pytest.raises(ArtifactError, match=r"layout 99.*upgrade fairlead"):
        load_router(bytes(future))


@pytest.mark.parametrize("mends", [True, False])
def test_a_router_reads_misspelt_words_as_it_was_trained(router: TrainedRouter, mends: bool) -> None:
    table = static_table().mending() if mends else static_table()

    read = load_router(dump_router(replace(router, encoder=QueryEncoder(table)))).encoder.embedder

    assert isinstance(read, StaticTable)
    assert read.mends == mends


def test_a_router_of_other_features_is_refused(stored: bytes) -> None:
    with pytest.raises(ArtifactError, match="trained on other features"):
        load_router(changed(stored, lambda header, _: header["features"].update(n_buckets=17)))


@pytest.mark.parametrize(
    "lie",
    [
        {"arms": ["bard"]},
        {"arms": []},
        {"arms": ["bard", "calculator", "dear", "one more"]},
        {"arms": ["calculator", "bard", "dear"]},
        {"arms": ["bard", "bard", "dear"]},
        {"arms": "abc"},
        {"arms": [1, 2, 3]},
        {"arms": None},
        {"parts": ["oracle"]},
        {"parts": []},
        {"parts": ["neighbours", "cluster_table", "linear", "item_response", "kernel_ridge"]},
        {"heads": ["oracle"]},
        {"heads": ["model_map"]},
        {"heads": []},
        {"verdict": {}},
        {"verdict": None},
        {"cost_scale_usd": "dear"},
        {"cost_scale_usd": -1.0},
        {"card": 3},
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(stored: bytes, lie: Header) -> None:
    with pytest.raises(ArtifactError, match=r"the router does not fit together .*fairlead train"):
        load_router(changed(stored, lambda header, _: header.update(lie)))


@pytest.mark.parametrize("name", ["arms", "parts", "heads", "verdict", "cost_scale_usd", "card"])
def test_a_header_that_leaves_something_out_is_refused(stored: bytes, name: str) -> None:
    with pytest.raises(ArtifactError, match=f"does not fit together .*{name}"):
        load_router(changed(stored, lambda header, _: header.pop(name)))


def test_arrays_that_do_not_fit_the_landmarks_or_the_arms_are_refused(stored: bytes) -> None:
    _, arrays = unpack(stored, KIND, VERSION, "", may_hold_nan=NAN)
    for name in ("stack.mean", "stack.neighbours.scores", "lengths.mean", "basis.landmark_meaning", "stack.weights"):
        with pytest.raises(ArtifactError, match="does not fit together"):
            load_router(changed(stored, lambda _, held, name=name: held.update({name: arrays[name][:-1]})))  # type: ignore[misc]


def test_every_array_that_lacks_is_missed(stored: bytes) -> None:
    for name in ("table.piece_rows", "basis.centre", "stack.noise", "costs.basis", "model_map.ability"):
        with pytest.raises(ArtifactError):
            load_router(changed(stored, lambda _, held, name=name: held.pop(name)))  # type: ignore[misc]


def test_no_array_may_lack_a_row_or_a_column(stored: bytes) -> None:
    _, arrays = unpack(stored, KIND, VERSION, "", may_hold_nan=NAN)
    for name, array in arrays.items():
        for axis in range(array.ndim):
            if array.shape[axis]:
                cut = {name: np.delete(array, -1, axis=axis)}
                with pytest.raises(ArtifactError):
                    assert not load_router(changed(stored, lambda _, held, cut=cut: held.update(cut))), (name, axis)  # type: ignore[misc]


class Letters:
    """An encoder of three numbers, by what it is called."""

    n_dims = 3

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, text: str) -> NDArray[np.float32]:
        vector = np.array([1.0, text.count("e"), text.count("1")], dtype=np.float32)
        return vector / np.float32(np.linalg.norm(vector))


def test_a_router_with_an_outer_encoder_asks_for_it_and_for_no_other() -> None:
    table = encoder().embedder
    assert isinstance(table, StaticTable)
    joined = QueryEncoder(JoinedEmbedder(table, Letters("letters")))
    trained = train(sums_and_poems(60), joined).router
    stored = dump_router(trained)

    loaded = load_router(stored, Letters("letters"))

    outline = outline_of_text(POEM)
    assert loaded.foretell([outline]).quality.tobytes() == trained.foretell([outline]).quality.tobytes()
    with pytest.raises(ArtifactError, match="encoder letters too"):
        load_router(stored)
    with pytest.raises(ArtifactError, match="not numbers"):
        load_router(stored, Letters("numbers"))


def test_a_router_whose_encoder_is_absent_is_shown_and_written_again_but_reads_no_text() -> None:
    table = encoder().embedder
    assert isinstance(table, StaticTable)
    stored = dump_router(train(sums_and_poems(60), QueryEncoder(JoinedEmbedder(table, Letters("letters")))).router)

    loaded = load_router(stored, reads_texts=False)

    assert dump_router(loaded) == stored
    with pytest.raises(ArtifactError, match="encoder letters: give it"):
        loaded.foretell([outline_of_text(POEM)])


def test_a_router_without_an_encoder_is_not_read_with_one(stored: bytes) -> None:
    with pytest.raises(ArtifactError, match="without an encoder"):
        load_router(stored, Letters("letters"))


def test_a_router_on_another_encoder_cannot_be_stored(router: TrainedRouter) -> None:
    class Blank:
        n_dims = 256

        def embed(self, text: str) -> NDArray[np.float32]:
            return np.zeros(256, dtype=np.float32)

    with pytest.raises(ArtifactError, match="with a static table"):
        dump_router(replace(router, encoder=QueryEncoder(Blank())))
