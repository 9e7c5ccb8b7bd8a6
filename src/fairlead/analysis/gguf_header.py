"""A GGUF header: bytes -> metadata, tensors with types and shapes, and the config that the metadata amounts to.

The format (version 2 and 3, little-endian): magic, counts of tensors and of metadata, the metadata as typed values, the
tensors as name, shape, type and place. Every length is held against the bytes that are really there before it is
followed.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fairlead.analysis.quantisation import GGUF_TYPES
from fairlead.analysis.tensor_table import MAX_DIMENSIONS, Tensor, checked_shape
from fairlead.domain.errors import AnalysisError

MAGIC: Final = b"GGUF"
MAX_TENSORS: Final = 1_000_000
MAX_KEYS: Final = 100_000
MAX_HEADER_BYTES: Final = 256_000_000
"""Real headers, vocabulary included, are below 30 MB."""
MAX_ITEMS: Final = 4_000_000
"""Of all arrays; the largest vocabularies are below 300,000, in three arrays."""
MAX_KEPT_ITEMS: Final = 10_000
"""Arrays of one figure a layer are kept, vocabularies are passed over."""

_SCALARS: Final[Mapping[int, str]] = {
    0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING: Final = 8
_ARRAY: Final = 9
_TYPE_NAMES: Final = {number: (name, size, block) for name, (number, size, block) in GGUF_TYPES.items()}


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header says."""

    metadata: Mapping[str, Any]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """The family, in the words of llama.cpp."""
        return str(self.metadata.get("general.architecture", ""))


class _Cursor:
    """Reads forward; a length that leads beyond the end is an error, never an allocation."""

    def __init__(self, data: Any, where: str) -> None:
        self._data = data
        self._end = min(len(data), MAX_HEADER_BYTES)
        self._items_left = MAX_ITEMS
        self._at = 0
        self.where = where

    def take(self, n: int) -> bytes:
        if n > self._end - self._at:
            raise AnalysisError(f"{self.where}: cut off at byte {self._at}: {n} more are announced.")
        self._at += n
        return bytes(self._data[self._at - n : self._at])

    def spend(self, n: int) -> None:
        """Count items of arrays: there is one allowance for the whole header."""
        self._items_left -= n
        if self._items_left < 0:
            raise AnalysisError(f"{self.where}: more than {MAX_ITEMS} items in its arrays.")

    def skip(self, n: int) -> None:
        if n > self._end - self._at:
            raise AnalysisError(f"{self.where}: cut off at byte {self._at}: {n} more are announced.")
        self._at += n

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, most: int = 1_000_000) -> str:
        length = self.number("<Q")
        if length > most:
            raise AnalysisError(f"{self.where}: a text of {length} bytes at byte {self._at}; {most} is the limit.")
        return self.take(length).decode("utf-8", "replace")


def parse_gguf(data: Any, where: str) -> GgufHeader:
    """The header of a file; `data` is its bytes or a map of them, of which only the header is touched.

    Raises: AnalysisError that says at which byte what is wrong.
    """
    at = _Cursor(data, where)
    if at.take(4) != MAGIC:
        raise AnalysisError(f"{where}: not a GGUF file: it does not begin with GGUF.")
    version = at.number("<I")
    if version not in (2, 3):
        raise AnalysisError(f"{where}: GGUF version {version}; 2 and 3 are known (both little-endian).")
    n_tensors, n_keys = at.number("<Q"), at.number("<Q")
    if n_tensors > MAX_TENSORS or n_keys > MAX_KEYS:
        raise AnalysisError(
            f"{where}: announces {n_tensors} tensors and {n_keys} keys; {MAX_TENSORS} and {MAX_KEYS} are the limits."
        )
    metadata: dict[str, Any] = {}
    for _ in range(n_keys):
        key = at.text(65_536)
        metadata[key] = _value(at, at.number("<I"))
    tensors = tuple(_tensor(at) for _ in range(n_tensors))
    return GgufHeader(metadata, tensors)


def _value(at: _Cursor, kind: int) -> Any:
    if kind in _SCALARS:
        return at.number(_SCALARS[kind])
    if kind == _STRING:
        return at.text(16_000_000)
    if kind == _ARRAY:
        return _array(at)
    raise AnalysisError(f"{at.where}: metadata of an unknown type {kind}.")


def _array(at: _Cursor) -> list[Any] | None:
    """The items of a short array; None for a long one, which is passed over. Arrays of arrays do not occur."""
    kind, length = at.number("<I"), at.number("<Q")
    at.spend(length)
    if kind == _STRING:
        for _ in range(length):
            at.skip(at.number("<Q"))
        return None
    if kind not in _SCALARS:
        raise AnalysisError(f"{at.where}: an array of the unknown type {kind}.")
    if length > MAX_KEPT_ITEMS:
        at.skip(length * struct.calcsize(_SCALARS[kind]))
        return None
    return [at.number(_SCALARS[kind]) for _ in range(length)]


def _tensor(at: _Cursor) -> Tensor:
    name = at.text(65_536)
    n_dimensions = at.number("<I")
    if n_dimensions > MAX_DIMENSIONS:
        raise AnalysisError(f"{at.where}: {name[:80]}: {n_dimensions} dimensions; {MAX_DIMENSIONS} is the limit.")
    shape = checked_shape([at.number("<Q") for _ in range(n_dimensions)], f"{at.where}: {name[:80]}")
    kind = at.number("<I")
    at.number("<Q")
    if kind not in _TYPE_NAMES:
        raise AnalysisError(f"{at.where}: {name[:80]}: the type {kind} is not known.")
    type_name, size, block = _TYPE_NAMES[kind]
    tensor = Tensor(name, type_name, shape, 0)
    return Tensor(name, type_name, shape, -(-tensor.elements // block) * size)


def _llama(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"model_type": "mixtral" if fields.get("num_local_experts") else "llama"}


_FAMILIES: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "llama": _llama,
    "qwen2": lambda _: {"model_type": "qwen2"},
    "qwen3": lambda _: {"model_type": "qwen3"},
    "qwen3moe": lambda _: {"model_type": "qwen3_moe"},
    "gemma2": lambda _: {"model_type": "gemma2"},
    "gemma3": lambda _: {"model_type": "gemma3_text"},
    "phi3": lambda _: {"model_type": "phi3"},
    "gpt-oss": lambda _: {"model_type": "gpt_oss"},
    "glm4moe": lambda _: {"model_type": "glm4_moe"},
    "minimax-m2": lambda _: {"model_type": "minimax_m2", "use_qk_norm": True, "use_routing_bias": True},
}
"""Architecture in the file -> what its config is called and holds besides."""

_KEYS: Final = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "context_length": "max_position_embeddings",
    "expert_count": "num_local_experts",
    "expert_used_count": "num_experts_per_tok",
    "expert_feed_forward_length": "moe_intermediate_size",
    "expert_shared_count": "n_shared_experts",
    "leading_dense_block_count": "first_k_dense_replace",
}


def config_of_gguf(header: GgufHeader) -> dict[str, Any] | None:
    """The config that the metadata amounts to; None for a family whose metadata we cannot translate."""
    family = _FAMILIES.get(header.architecture)
    if family is None:
        return None
    prefix = f"{header.architecture}."
    fields: dict[str, Any] = {
        name: header.metadata[prefix + key] for key, name in _KEYS.items() if header.metadata.get(prefix + key)
    }
    table = next((tensor for tensor in header.tensors if tensor.name == "token_embd.weight"), None)
    if table is not None and len(table.shape) == 2:
        fields["vocab_size"] = table.shape[1]
    fields["tie_word_embeddings"] = not any(tensor.name == "output.weight" for tensor in header.tensors)
    names = {tensor.name for tensor in header.tensors}
    if header.architecture == "glm4moe":
        fields["use_qk_norm"] = "blk.0.attn_q_norm.weight" in names
        fields["attention_bias"] = "blk.0.attn_q.bias" in names
    return {**fields, **family(fields)}
