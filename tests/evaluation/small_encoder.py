"""A made-up sentence encoder with weights drawn by chance, as the files that distillation reads."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fairlead.evaluation.encoder_distillation import TOKENIZER_FILE, WEIGHTS_FILE

N_HIDDEN = 64
N_INNER = 24
N_LAYERS = 2
PIECES = (
    "[PAD]",
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "[unused0]",
    "the",
    "cat",
    "##s",
    "é",
    "##é",
    "a-b",
    "##-",
    ".",
    "漢",
    "É",
)

Tensors = dict[str, NDArray[np.float32]]


def random_tensors(seed: int = 0, n_pieces: int = len(PIECES)) -> Tensors:
    """Weights named and shaped as BertModel's."""
    chance = np.random.default_rng(seed)

    def draw(*shape: int, mean: float = 0.0) -> NDArray[np.float32]:
        return (mean + chance.normal(size=shape) * 0.3).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": draw(n_pieces, N_HIDDEN),
        "embeddings.position_embeddings.weight": draw(9, N_HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, N_HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(N_LAYERS):
        name = f"encoder.layer.{layer}."
        norms += [name + "attention.output.LayerNorm", name + "output.LayerNorm"]
        shapes = {f"attention.self.{part}": (N_HIDDEN, N_HIDDEN) for part in ("query", "key", "value")}
        shapes |= {
            "attention.output.dense": (N_HIDDEN, N_HIDDEN),
            "intermediate.dense": (N_INNER, N_HIDDEN),
            "output.dense": (N_HIDDEN, N_INNER),
        }
        for part, shape in shapes.items():
            tensors |= {f"{name}{part}.weight": draw(*shape), f"{name}{part}.bias": draw(shape[0])}
    for norm in norms:
        tensors |= {f"{norm}.weight": draw(N_HIDDEN, mean=1.0), f"{norm}.bias": draw(N_HIDDEN)}
    return tensors


def safetensors_bytes(tensors: Tensors) -> bytes:
    """The tensors in the layout of safetensors, with one of whole numbers as the real file has."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    payload = np.arange(4, dtype="<i8").tobytes()
    header["embeddings.position_ids"] = {"dtype": "I64", "shape": [1, 4], "data_offsets": [0, len(payload)]}
    for name, tensor in tensors.items():
        data = tensor.astype("<f4").tobytes()
        offsets = [len(payload), len(payload) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        payload += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + payload


def write_encoder(folder: Path, tensors: Tensors, pieces: Sequence[str] = PIECES) -> dict[str, str]:
    """Writes the two files; gives back their SHA-256 sums by name."""
    contents = {
        WEIGHTS_FILE: safetensors_bytes(tensors),
        TOKENIZER_FILE: json.dumps({"model": {"vocab": {piece: n for n, piece in enumerate(pieces)}}}).encode(),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: sha256(data).hexdigest() for name, data in contents.items()}
