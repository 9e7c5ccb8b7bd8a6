"""SentenceEncoder: a BERT-style sentence encoder read from its safetensors file and run in plain numpy.

For distillation alone: nothing of this is there while serving. Texts come as rows of piece numbers of equal length, so
that no masks are needed. The forward pass is that of BERT (https://arxiv.org/abs/1810.04805) with the mean of the last
layer's states as the text's vector, not brought to unit length; it is computed in float32 as the weights are.
Source: format, https://huggingface.co/docs/safetensors (read 2026-11-23).
"""

import json
from dataclasses import dataclass
from math import prod, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from fairlead.domain.errors import ArtifactError

Matrix = NDArray[np.float32]

HEAD_DIMS: Final = 32
"""Width of one attention head in the MiniLM family (384 dimensions, 12 heads)."""
_EPSILON: Final = np.float32(1e-12)
"""`layer_norm_eps` of the model's configuration."""
_ROOT_2: Final = np.float32(sqrt(2))
_EMBEDDINGS: Final = "embeddings."


def read_safetensors(data: bytes) -> dict[str, Matrix]:
    """The float32 tensors of a safetensors file by name, as views; tensors of other types are left out.

    Raises: ArtifactError if the bytes are not such a file.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start].decode("utf-8"))
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] != "F32":
                continue
            begin, end = entry["data_offsets"]
            if not 0 <= begin <= end <= len(data) - start or end - begin != 4 * prod(entry["shape"]):
                raise ValueError(f"{name} lies outside the file")
            values = np.frombuffer(data, dtype="<f4", count=(end - begin) // 4, offset=start + begin)
            tensors[name] = values.reshape(entry["shape"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"these {len(data)} bytes are no safetensors file ({error}): fetch it again") from error
    return tensors


@dataclass(frozen=True, slots=True)
class SentenceEncoder:
    """The encoder with these weights, named as Hugging Face's BertModel names them."""

    tensors: dict[str, Matrix]

    @property
    def n_layers(self) -> int:
        """How many layers the weights are for."""
        names = (name.split(".") for name in self.tensors if name.startswith("encoder.layer."))
        return 1 + max((int(parts[2]) for parts in names), default=-1)

    def encode(self, numbers: NDArray[np.int64]) -> Matrix:
        """The vectors of texts of one length.

        Shapes: numbers (n_texts, n_pieces), the marks of beginning and end included -> (n_texts, n_hidden).
        Raises: ArtifactError if a tensor is missing.
        """
        try:
            states = self._embedded(numbers)
            for layer in range(self.n_layers):
                states = self._layer(states, f"encoder.layer.{layer}.")
        except KeyError as error:
            raise ArtifactError(f"the encoder's weights lack {error}: fetch them again") from error
        vectors: Matrix = states.mean(axis=1)
        return vectors

    def _embedded(self, numbers: NDArray[np.int64]) -> Matrix:
        words = self.tensors[_EMBEDDINGS + "word_embeddings.weight"][numbers]
        places = self.tensors[_EMBEDDINGS + "position_embeddings.weight"][: numbers.shape[1]]
        first_segment = self.tensors[_EMBEDDINGS + "token_type_embeddings.weight"][0]
        return self._norm(words + places + first_segment, _EMBEDDINGS + "LayerNorm")

    def _layer(self, states: Matrix, name: str) -> Matrix:
        attended = self._linear(self._attention(states, name + "attention.self."), name + "attention.output.dense")
        states = self._norm(states + attended, name + "attention.output.LayerNorm")
        inner = self._linear(states, name + "intermediate.dense")
        inner *= (1 + erf(inner / _ROOT_2)) / 2
        return self._norm(states + self._linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def _attention(self, states: Matrix, name: str) -> Matrix:
        """Softmax(query keys^T / sqrt(HEAD_DIMS)) values, head by head."""
        n_texts, n_pieces, n_hidden = states.shape

        def heads(part: str) -> Matrix:
            whole = self._linear(states, name + part)
            return whole.reshape(n_texts, n_pieces, n_hidden // HEAD_DIMS, HEAD_DIMS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(sqrt(HEAD_DIMS))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed: Matrix = (weights @ heads("value")).transpose(0, 2, 1, 3).reshape(n_texts, n_pieces, n_hidden)
        return mixed

    def _linear(self, states: Matrix, name: str) -> Matrix:
        # As one matrix: numpy multiplies a stack of small ones several times more slowly.
        flat = states.reshape(-1, states.shape[-1]) @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]
        return flat.reshape(*states.shape[:-1], -1)

    def _norm(self, states: Matrix, name: str) -> Matrix:
        centred = states - states.mean(axis=-1, keepdims=True)
        centred /= np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
        normed: Matrix = centred * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]
        return normed
