"""A language model of a few hundred kilobytes with random weights, written as a GGUF file: enough for a real server.

GGUF is a header, key-value pairs and tensors one after another, all little-endian; writing it takes a page, so that no
package is needed for it. The model babbles printable ASCII and never ends of its own accord: the rows of its output
matrix for every other token are zero, so that under greedy sampling some letter always beats them.
"""

import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

N_CONTEXT: Final = 32_768
N_DIMS: Final = 64
N_HEADS: Final = 2
N_LAYERS: Final = 2
N_HIDDEN: Final = 128

EOS: Final = 2
"""The id of the token that ends a reply: bias it to have the model say that it is done."""

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)

_ALIGNMENT: Final = 32
_VERSION: Final = 3
_F32_TENSOR: Final = 0
_QUANTISED: Final = {8: 8, 4: 2}
"""Bits a weight -> type of tensor: Q8_0 and Q4_0, blocks of 32 weights with one scale of 16 bits."""
_BLOCK: Final = 32
_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
"""Types of value."""
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
"""Kinds of token."""
_LETTERS: Final = ["\u2581", *map(chr, range(0x21, 0x7F))]
"""SentencePiece writes a space as U+2581."""
_TOKENS: Final = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *_LETTERS]
_KINDS: Final = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * len(_LETTERS)]


def write_tiny_model(path: Path, *, seed: int = 0, bits: int = 32) -> None:
    """Write the model of this seed: the same bytes for the same seed. With 8 or 4 bits its matrices are quantised."""
    pairs = _pairs()
    tensors = _tensors(np.random.default_rng(seed))
    infos: list[bytes] = []
    data = b""
    for name, values in tensors.items():
        # Dimensions are counted from the one whose neighbours lie side by side.
        shape = struct.pack(f"<{values.ndim}Q", *reversed(values.shape))
        is_quantised = bits in _QUANTISED and values.ndim == 2
        kind = _QUANTISED[bits] if is_quantised else _F32_TENSOR
        infos.append(_text(name) + struct.pack("<I", values.ndim) + shape + struct.pack("<IQ", kind, len(data)))
        data += _padded(_quantised(values, bits) if is_quantised else values.astype("<f4").tobytes())
    head = b"GGUF" + struct.pack("<IQQ", _VERSION, len(tensors), len(pairs))
    path.write_bytes(_padded(head + b"".join(pairs) + b"".join(infos)) + data)


def _quantised(values: NDArray[np.float32], bits: int) -> bytes:
    """Blocks of a scale and 32 whole numbers: signed bytes, or two a byte, the second half of a block on top."""
    blocks = values.reshape(-1, _BLOCK)
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    scale = (largest / (2 ** (bits - 1) - 1)).astype("<f2")
    steps = np.rint(blocks / np.maximum(scale.astype(np.float32), 1e-8))
    if bits == 8:
        packed = np.clip(steps, -127, 127).astype(np.int8).view(np.uint8)
    else:
        whole = (np.clip(steps, -8, 7) + 8).astype(np.uint8)
        packed = whole[:, : _BLOCK // 2] | (whole[:, _BLOCK // 2 :] << 4)
    return np.concatenate((scale.view(np.uint8), packed), axis=1).tobytes()


def _pairs() -> list[bytes]:
    return [
        _pair("general.architecture", "llama"),
        _pair("general.name", "tiny"),
        _pair("llama.context_length", N_CONTEXT),
        _pair("llama.embedding_length", N_DIMS),
        _pair("llama.block_count", N_LAYERS),
        _pair("llama.feed_forward_length", N_HIDDEN),
        _pair("llama.attention.head_count", N_HEADS),
        _pair("llama.attention.head_count_kv", N_HEADS),
        _pair("llama.attention.layer_norm_rms_epsilon", 1e-5),
        _pair("llama.rope.dimension_count", N_DIMS // N_HEADS),
        _pair("tokenizer.ggml.model", "llama"),
        _pair("tokenizer.ggml.tokens", _TOKENS),
        _pair("tokenizer.ggml.scores", [0.0] * len(_TOKENS)),
        _pair("tokenizer.ggml.token_type", _KINDS),
        _pair("tokenizer.ggml.unknown_token_id", 0),
        _pair("tokenizer.ggml.bos_token_id", 1),
        _pair("tokenizer.ggml.eos_token_id", EOS),
        _pair("tokenizer.chat_template", CHAT_TEMPLATE),
    ]


def _tensors(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    def random(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape, np.float32) / np.float32(shape[-1] ** 0.5)

    ones = np.ones(N_DIMS, np.float32)
    output = 8 * random(len(_TOKENS), N_DIMS)
    output[: -len(_LETTERS)] = 0
    tensors = {
        "token_embd.weight": random(len(_TOKENS), N_DIMS),
        "output_norm.weight": ones,
        "output.weight": output,
    }
    for layer in range(N_LAYERS):
        block = f"blk.{layer}"
        tensors |= {f"{block}.{name}.weight": ones for name in ("attn_norm", "ffn_norm")}
        tensors |= {f"{block}.attn_{name}.weight": random(N_DIMS, N_DIMS) for name in ("q", "k", "v", "output")}
        tensors |= {f"{block}.ffn_{name}.weight": random(N_HIDDEN, N_DIMS) for name in ("gate", "up")}
        tensors[f"{block}.ffn_down.weight"] = random(N_DIMS, N_HIDDEN)
    return tensors


def _pair(key: str, value: str | float | list[str] | list[int] | list[float]) -> bytes:
    if not isinstance(value, list):
        kind, data = _scalar(value)
        return _text(key) + struct.pack("<I", kind) + data
    items = [_scalar(item) for item in value]
    kind = _INT32 if isinstance(value[0], int) else items[0][0]  # readers want kinds of token signed
    return _text(key) + struct.pack("<IIQ", _ARRAY, kind, len(items)) + b"".join(data for _, data in items)


def _scalar(value: str | float) -> tuple[int, bytes]:
    """A value's type in GGUF, and its bytes."""
    if isinstance(value, str):
        return _STRING, _text(value)
    return (_UINT32, struct.pack("<I", value)) if isinstance(value, int) else (_FLOAT32, struct.pack("<f", value))


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)
