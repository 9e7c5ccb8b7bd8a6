"""An encoder of one's own: an embeddings endpoint, or a folder; what is none says so."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.domain.errors import ArtifactError, SetupError
from fairlead.evaluation.outer_encoders import EndpointEncoder, open_encoder
from tests.peers.embeddings_endpoint import embeddings_endpoint


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with embeddings_endpoint() as url:
        yield url


def test_an_endpoint_gives_vectors_of_unit_length(endpoint: str) -> None:
    encoder = open_encoder(f"{endpoint}#letters")
    assert encoder.name == "endpoint:letters"
    assert encoder.n_dims == 3
    assert encoder.embed("eee") == pytest.approx(np.array([1.0, 3.0, 0.0]) / np.sqrt(10.0))
    assert encoder.embed("") == pytest.approx(np.array([1.0, 0.0, 0.0]))
    assert np.isfinite(encoder.embed("\ud800" * 9)).all()


@pytest.mark.parametrize(("model", "says"), [("missing", "answered 404"), ("chat", "gave no vector")])
def test_what_is_no_embeddings_endpoint_is_told(endpoint: str, model: str, says: str) -> None:
    with pytest.raises(ArtifactError, match=says):
        open_encoder(f"{endpoint}#{model}")


def test_a_vector_of_another_length_is_refused(endpoint: str) -> None:
    grows = EndpointEncoder(endpoint, "grows")
    with pytest.raises(ArtifactError, match="after one of"):
        grows.embed("longer than the word that it was opened with")


def test_a_place_where_no_encoder_is_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="name the model"):
        open_encoder("http://127.0.0.1:1/v1")
    with pytest.raises(ArtifactError, match="gave no vector"):
        open_encoder("http://127.0.0.1:1/v1#letters")
    with pytest.raises(ArtifactError, match=r"a folder with tokenizer\.json"):
        open_encoder(str(tmp_path))


def test_a_folder_that_cannot_be_read_or_whose_extra_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(SetupError, match=r"cannot be read|fairlead\[embed\]"):
        open_encoder(str(tmp_path))


def test_a_small_random_model_is_read(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: number for number, word in enumerate(["[UNK]", "one", "two", "three"])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    table = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["states"])], "table",
        [helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["n", "pieces"])],
        [helper.make_tensor_value_info("states", onnx.TensorProto.FLOAT, ["n", "pieces", 5])],
        [onnx.numpy_helper.from_array(table, "table")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    encoder = open_encoder(str(tmp_path))

    mean = (table[1] + table[3]) / 2.0
    assert encoder.name.startswith("onnx:")
    assert encoder.n_dims == 5
    assert encoder.embed("one three") == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
