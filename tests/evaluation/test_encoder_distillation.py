import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError, SetupError
from fairlead.evaluation.encoder_distillation import (
    RANK_ORIGIN,
    SHA256_SUMS,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    distil,
    installed_weights_folder,
    principal_parts,
    quantise,
)
from fairlead.routing.features.static_table import MAX_SCALE
from tests.evaluation.small_encoder import N_HIDDEN, PIECES, random_tensors, write_encoder
from tests.evaluation.test_sentence_encoder import plain_encode

KEPT = ("the", "cat", "##s", ".", "漢")


def test_the_table_holds_each_piece_encoded_alone(tmp_path: Path) -> None:
    tensors = random_tensors(seed=4)
    sums = write_encoder(tmp_path, tensors)

    table = distil(tmp_path, N_HIDDEN, "flat", sums)

    encoded = np.array([plain_encode(tensors, [1, PIECES.index(piece), 2]) for piece in KEPT])
    encoded /= np.linalg.norm(encoded, axis=1, keepdims=True)
    expected = encoded - encoded.mean(axis=0)
    found = table.rows * table.row_scale[:, None].astype(float)
    # Turning keeps angles and, up to the one common unit, lengths.
    products, wanted = found @ found.T, expected @ expected.T
    assert np.allclose(products / products.max(), wanted / wanted.max(), atol=0.02)


def test_pieces_that_no_text_can_hold_are_left_out(tmp_path: Path) -> None:
    table = distil(tmp_path, 8, "flat", write_encoder(tmp_path, random_tensors()))

    assert table.pieces == KEPT
    assert table.rows.shape == (len(KEPT), 8)
    assert np.linalg.norm(table.embed("The cats.")) == pytest.approx(1.0, abs=1e-6)


def test_the_same_weights_give_the_same_table(tmp_path: Path) -> None:
    sums = write_encoder(tmp_path, random_tensors(seed=5))

    first, second = distil(tmp_path, 16, sums=sums), distil(tmp_path, 16, sums=sums)

    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.row_scale.tobytes() == second.row_scale.tobytes()


def test_rare_pieces_weigh_more(tmp_path: Path) -> None:
    n_words = 3_000
    pieces = ("[CLS]", "[SEP]", *(f"word{number}" for number in range(n_words)))
    tensors = random_tensors(n_pieces=len(pieces))
    words = tensors["embeddings.word_embeddings.weight"]
    words[-1] = words[1_000]
    words[-2] = words[1_001]
    sums = write_encoder(tmp_path, tensors, pieces)

    table = distil(tmp_path, 32, "log_rank", sums)

    found = np.linalg.norm(table.rows * table.row_scale[:, None], axis=1)
    ratio = np.log1p(n_words + 1 - RANK_ORIGIN) / np.log1p(1_000 - RANK_ORIGIN)
    assert found[-1] / found[998] == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, TOKENIZER_FILE])
def test_a_file_that_is_not_the_known_one_is_refused_by_name(tmp_path: Path, name: str) -> None:
    sums = write_encoder(tmp_path, random_tensors())
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(ArtifactError, match=rf"{re.escape(name)} has SHA-256 [0-9a-f]{{64}}, not {sums[name]}"):
        distil(tmp_path, 8, sums=sums)


def test_only_the_released_weights_are_taken_unless_told_otherwise(tmp_path: Path) -> None:
    write_encoder(tmp_path, random_tensors())

    with pytest.raises(ArtifactError, match=SHA256_SUMS[TOKENIZER_FILE]):
        distil(tmp_path)


def test_the_weights_are_found_without_importing_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_weights").mkdir()
    (tmp_path / "made_up_weights" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)

    assert installed_weights_folder("made_up_weights") == tmp_path / "made_up_weights" / "model"


def test_a_package_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(SetupError, match=r"no_such_weights is not installed.*make artefact"):
        installed_weights_folder("no_such_weights")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=TOKENIZER_FILE):
        distil(tmp_path)


def test_a_vocabulary_with_gaps_is_refused(tmp_path: Path) -> None:
    sums = write_encoder(tmp_path, random_tensors(), ("[CLS]", "[SEP]", "twice", "twice"))

    with pytest.raises(ArtifactError, match="gaps"):
        distil(tmp_path, 8, sums=sums)


def test_a_vocabulary_without_a_word_is_refused(tmp_path: Path) -> None:
    sums = write_encoder(tmp_path, random_tensors(), ("[CLS]", "[SEP]"))

    with pytest.raises(ArtifactError, match="no piece"):
        distil(tmp_path, 8, sums=sums)


FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: 0.0 if abs(value) < 1e-6 else value)


@given(st_numpy.arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 6)), elements=FLOATS))
def test_a_quantised_row_is_within_half_a_step(vectors: NDArray[np.float64]) -> None:
    rows, scale = quantise(vectors)

    unit = (np.abs(vectors).max() / (127 * MAX_SCALE)) or 1.0
    error = np.abs(rows * scale[:, None].astype(float) * unit - vectors)
    assert (error <= 0.5000001 * scale[:, None] * unit).all()
    assert (np.abs(rows.astype(int)) <= 127).all() and ((scale >= 1) & (scale <= MAX_SCALE)).all()


def test_principal_parts_keep_what_varies_most_and_do_not_depend_on_a_mirror() -> None:
    chance = np.random.default_rng(0)
    vectors = (chance.normal(size=(200, 5)) * [9, 1, 5, 0.1, 3] + 7).astype(np.float32)

    parts = principal_parts(vectors, 3)

    assert np.allclose(parts.mean(axis=0), 0, atol=1e-9)
    assert np.allclose(np.abs(np.corrcoef(parts.T, vectors.T)[:3, 3:])[[0, 1, 2], [0, 2, 4]], 1, atol=0.05)
    assert np.allclose(np.sign(np.corrcoef(parts.T, vectors.T)[:3, 3:])[[0, 1, 2], [0, 2, 4]], 1)
