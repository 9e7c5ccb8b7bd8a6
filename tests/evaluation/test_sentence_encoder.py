from math import erf, exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.evaluation.sentence_encoder import HEAD_DIMS, SentenceEncoder, read_safetensors
from tests.evaluation.small_encoder import N_HIDDEN, N_LAYERS, Tensors, random_tensors, safetensors_bytes

Vector = NDArray[np.float64]


def plain_encode(tensors: Tensors, numbers: list[int]) -> Vector:
    """The same model, one text, one piece and one head at a time, in 64 bits."""

    def linear(x: Vector, name: str) -> Vector:
        weight: Vector = tensors[name + ".weight"].astype(np.float64)
        return np.asarray(weight @ x + tensors[name + ".bias"], dtype=np.float64)

    def norm(x: Vector, name: str) -> Vector:
        spread = (x - x.mean()) / sqrt(x.var() + 1e-12)
        return np.asarray(spread * tensors[name + ".weight"] + tensors[name + ".bias"], dtype=np.float64)

    words, places, kinds = (
        tensors[f"embeddings.{part}_embeddings.weight"].astype(float) for part in ("word", "position", "token_type")
    )
    states = [norm(words[n] + places[at] + kinds[0], "embeddings.LayerNorm") for at, n in enumerate(numbers)]
    for layer in range(N_LAYERS):
        name = f"encoder.layer.{layer}."
        queries, keys, values = (
            [linear(x, f"{name}attention.self.{part}") for x in states] for part in ("query", "key", "value")
        )
        after = []
        for x, query in zip(states, queries, strict=True):
            mixed = np.zeros(N_HIDDEN)
            for start in range(0, N_HIDDEN, HEAD_DIMS):
                head = slice(start, start + HEAD_DIMS)
                weights = [exp(query[head] @ key[head] / sqrt(HEAD_DIMS)) for key in keys]
                for weight, value in zip(weights, values, strict=True):
                    mixed[head] += weight / sum(weights) * value[head]
            x = norm(x + linear(mixed, name + "attention.output.dense"), name + "attention.output.LayerNorm")
            inner = np.array([v * 0.5 * (1 + erf(v / sqrt(2))) for v in linear(x, name + "intermediate.dense")])
            after.append(norm(x + linear(inner, name + "output.dense"), name + "output.LayerNorm"))
        states = after
    return np.asarray(np.mean(states, axis=0))


def test_the_encoder_computes_what_the_plain_definition_says() -> None:
    tensors = random_tensors(seed=1)
    texts = [[1, 5, 7, 2], [1, 6, 6, 2], [1, 13, 4, 2]]

    vectors = SentenceEncoder(read_safetensors(safetensors_bytes(tensors))).encode(np.array(texts))

    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [plain_encode(tensors, text) for text in texts], atol=2e-5)


def test_tensors_come_back_and_those_of_whole_numbers_are_left_out() -> None:
    tensors = random_tensors()

    read = read_safetensors(safetensors_bytes(tensors))

    assert set(read) == set(tensors)
    assert all(np.array_equal(read[name], tensors[name]) for name in tensors)


def test_bytes_that_are_no_safetensors_are_refused() -> None:
    whole = safetensors_bytes(random_tensors())

    for data in (b"", b"short", whole[:-4], whole[:100], bytes(8) + b"{}x", (2).to_bytes(8, "little") + b"[]"):
        with pytest.raises(ArtifactError, match="no safetensors"):
            read_safetensors(data)


@pytest.mark.parametrize(
    ("true", "false"), [(b'"shape": [9, 64]', b'"shape": [9, 65]'), (b'"shape": [9, 64]', b'"shape": "9,64" ')]
)
def test_a_shape_that_lies_is_refused(true: bytes, false: bytes) -> None:
    whole = safetensors_bytes(random_tensors())
    assert whole.count(true) == 1

    with pytest.raises(ArtifactError, match="no safetensors"):
        read_safetensors(whole.replace(true, false))


def test_a_missing_tensor_is_named() -> None:
    tensors = random_tensors()
    del tensors["encoder.layer.1.output.dense.bias"]

    with pytest.raises(ArtifactError, match=r"lack 'encoder\.layer\.1\.output\.dense\.bias'"):
        SentenceEncoder(tensors).encode(np.array([[1, 2]]))
