"""Outer encoders: a folder with an ONNX model, or an OpenAI-compatible embeddings endpoint, behind one method."""

import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError, SetupError
from fairlead.routing.features.joined_embedder import OuterEncoder

Singles = NDArray[np.float32]

TIMEOUT_S: Final = 30.0
MAX_REPLY_BYTES: Final = 4 << 20
MAX_CHARS: Final = 8_000
"""Of a text; sentence encoders read a few hundred tokens."""
MAX_PIECES: Final = 512
_HEX: Final = 16


def open_encoder(place: str) -> OuterEncoder:
    """The encoder at a folder, or at `http(s)://host/v1#model`.

    Raises: ArtifactError for a place where there is none; SetupError without the extra `embed`.
    """
    if place.startswith(("http://", "https://")):
        url, _, model = place.partition("#")
        if not model or not urlsplit(url).hostname:
            raise ArtifactError(f"--encoder {url}: name the model behind a #, as in http://localhost:8080/v1#bge-small")
        return EndpointEncoder(url.rstrip("/"), model)
    return OnnxEncoder(Path(place))


class EndpointEncoder:
    """An endpoint that answers POST /embeddings without a key, as local servers do; one call a text."""

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url, model
        self.n_dims = len(self._ask("dimensions"))

    @property
    def name(self) -> str:
        """The model as the endpoint calls it: the address may change, the weights behind the name must not."""
        return f"endpoint:{self._model}"

    def embed(self, text: str) -> Singles:
        """Raises: ArtifactError if the endpoint does not answer with a vector of the length that it began with."""
        vector = self._ask(text)
        if len(vector) != self.n_dims:
            raise ArtifactError(f"{self._url}: a vector of {len(vector)} numbers after one of {self.n_dims}")
        return vector

    def _ask(self, text: str) -> Singles:
        body = json.dumps({"model": self._model, "input": _plain(text), "encoding_format": "float"}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self._url}/embeddings", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                vector = json.loads(reply.read(MAX_REPLY_BYTES))["data"][0]["embedding"]
            return _unit(np.array(vector, dtype=np.float32))
        except urllib.error.HTTPError as error:
            raise ArtifactError(f"{self._url}/embeddings answered {error.code}: is the model's name right?") from None
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ArtifactError(
                f"{self._url}/embeddings gave no vector ({type(error).__name__}): is it an embeddings endpoint?"
            ) from None


class OnnxEncoder:
    """A folder with tokenizer.json and model.onnx, or onnx/model.onnx; the mean of the last layer is the vector."""

    def __init__(self, folder: Path) -> None:
        model = next((path for path in (folder / "model.onnx", folder / "onnx" / "model.onnx") if path.is_file()), None)
        tokenizer = folder / "tokenizer.json"
        if model is None or not tokenizer.is_file():
            raise ArtifactError(
                f"{folder}: an encoder is a folder with tokenizer.json and model.onnx, or onnx/model.onnx"
            )
        runtime, tokenizers = _extra()
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
            self._tokenizer.enable_truncation(MAX_PIECES)
            self._tokenizer.no_padding()
            self._session = runtime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        except Exception as error:  # both libraries raise bare Exceptions
            raise ArtifactError(
                f"{folder}: this encoder cannot be read ({type(error).__name__}): get it again"
            ) from error
        seen = hashlib.sha256(model.read_bytes() + tokenizer.read_bytes()).hexdigest()
        self.name = f"onnx:{seen[:_HEX]}"
        self._inputs = {each.name for each in self._session.get_inputs()}
        self.n_dims = len(self.embed("dimensions"))

    def embed(self, text: str) -> Singles:
        """The mean over the pieces of what the model gives for each; a model that gives one vector is taken at that."""
        pieces = self._tokenizer.encode(_plain(text))
        fed = {"input_ids": pieces.ids, "attention_mask": pieces.attention_mask, "token_type_ids": pieces.type_ids}
        arrays = {name: np.array([row], dtype=np.int64) for name, row in fed.items() if name in self._inputs}
        states = np.asarray(self._session.run(None, arrays)[0], dtype=np.float32)[0]
        return _unit(states.mean(axis=0) if states.ndim > 1 else states)


def _extra() -> tuple[Any, Any]:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
        import tokenizers  # noqa: PLC0415 - of the same extra
    except ImportError as error:
        raise SetupError(f"an ONNX encoder needs {error.name}: pip install 'fairlead[embed]'") from None
    return onnxruntime, tokenizers


def _plain(text: str) -> str:
    """A text that any encoder takes: not empty, not too long, without lone surrogates."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8") or " "


def _unit(vector: Singles) -> Singles:
    if vector.ndim != 1 or not len(vector) or not bool(np.isfinite(vector).all()):
        raise ArtifactError("the encoder gave no vector of finite numbers")
    result: Singles = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))
    return result
