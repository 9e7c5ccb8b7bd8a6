"""Headers of safetensors and GGUF files: what they say, and that nothing is taken on their word."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.analysis.families import read_architecture
from fairlead.analysis.gguf_header import config_of_gguf, parse_gguf
from fairlead.analysis.parameters import count
from fairlead.analysis.safetensors_header import header_length, parse_header, parse_index
from fairlead.analysis.tensor_table import Tensor, count_tensors
from fairlead.domain.errors import AnalysisError
from tests.analysis.written_files import gguf_bytes, safetensors_bytes


def text_of(data: bytes) -> bytes:
    return data[8 : 8 + header_length(data[:8], len(data), "a")]


def test_a_header_names_its_tensors() -> None:
    data = safetensors_bytes({"a.weight": ("BF16", (3, 5)), "b": ("F8_E4M3", (7,))})
    assert parse_header(text_of(data), "a") == (Tensor("a.weight", "BF16", (3, 5), 30), Tensor("b", "F8_E4M3", (7,), 7))


def test_a_length_of_ten_gigabytes_is_refused_before_anything_is_read() -> None:
    with pytest.raises(AnalysisError, match="10000000000 bytes long"):
        header_length((10_000_000_000).to_bytes(8, "little"), 10**12, "a")


def test_a_header_longer_than_its_file_is_cut_off() -> None:
    with pytest.raises(AnalysisError, match="cut off"):
        header_length((1000).to_bytes(8, "little"), 100, "a")
    with pytest.raises(AnalysisError, match="begins with the length"):
        header_length(b"\0\0", 2, "a")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dtype": "F3", "shape": [1], "data_offsets": [0, 4]}, "'F3' is not known"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "does not agree"),
        ({"dtype": "F32", "shape": [10**30], "data_offsets": [0, 4]}, "dimension"),
        ({"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}, "dimension"),
        ({"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}, "more elements"),
        ({"dtype": "F32", "shape": "many", "data_offsets": [0, 4]}, "shape"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [True, 4]}, "does not agree"),
        (3, "section"),
    ],
)
def test_a_tensor_that_cannot_be_is_named(fields: object, said: str) -> None:
    with pytest.raises(AnalysisError, match=f"blk: .*{said}|{said}"):
        parse_header(json.dumps({"blk": fields}).encode(), "a")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_an_error(data: bytes) -> None:
    try:
        parse_header(text_of(data), "a")
    except AnalysisError as error:
        assert str(error)


def test_an_index_names_only_files_beside_it() -> None:
    assert parse_index(b'{"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}}', "i") == ("1.safetensors",)
    for name in ("../1.safetensors", "/etc/passwd", 3, "x.bin"):
        with pytest.raises(AnalysisError, match="no file beside it"):
            parse_index(json.dumps({"weight_map": {"a": name}}).encode(), "i")
    with pytest.raises(AnalysisError, match="no weight_map"):
        parse_index(b"{}", "i")


def test_packing_is_undone_and_scales_are_counted_apart() -> None:
    found = count_tensors(
        [
            Tensor("model.layers.0.mlp.experts.gate_up_proj_blocks", "U8", (2, 4, 3, 16), 384),
            Tensor("model.layers.0.mlp.experts.gate_up_proj_scales", "U8", (2, 4, 3), 24),
            Tensor("model.layers.0.q.qweight", "I32", (8, 8), 256),
            Tensor("model.layers.0.k.weight", "U8", (8, 8), 64),
            Tensor("model.layers.0.k.weight_scale", "F8_E4M3", (8, 1), 8),
            Tensor("model.norm.weight", "BF16", (8,), 16),
            Tensor("vision_tower.a.weight", "BF16", (5,), 10),
            Tensor("model.layers.3.a.weight", "BF16", (6,), 12),
            Tensor("mtp.a.weight", "BF16", (4,), 8),
        ],
        n_layers=3,
    )
    assert found.weights == 2 * 384 + 8 * 64 + 2 * 64 + 8
    assert found.scales == 24 + 8
    assert found.other_senses == 5
    assert found.prediction_layers == 6 + 4
    assert found.weight_bytes == 384 + 24 + 256 + 64 + 8 + 16 + 10 + 12 + 8


QWEN3: dict[str, Any] = {
    "general.architecture": "qwen3",
    "qwen3.block_count": 1,
    "qwen3.embedding_length": 8,
    "qwen3.feed_forward_length": 16,
    "qwen3.attention.head_count": 2,
    "qwen3.attention.head_count_kv": 1,
    "qwen3.attention.key_length": 4,
    "qwen3.context_length": 512,
    "tokenizer.ggml.tokens": ["a", "b"],
    "tokenizer.ggml.scores": [0.5] * 20_000,
}
TENSORS = {
    "token_embd.weight": ("F16", (8, 32)),
    "blk.0.attn_q.weight": ("Q8_0", (8, 8)),
    "blk.0.attn_k.weight": ("Q8_0", (8, 4)),
    "blk.0.attn_v.weight": ("Q8_0", (8, 4)),
    "blk.0.attn_output.weight": ("Q8_0", (8, 8)),
    "blk.0.attn_q_norm.weight": ("F32", (4,)),
    "blk.0.attn_k_norm.weight": ("F32", (4,)),
    "blk.0.ffn_gate.weight": ("Q8_0", (8, 16)),
    "blk.0.ffn_up.weight": ("Q8_0", (8, 16)),
    "blk.0.ffn_down.weight": ("Q8_0", (16, 8)),
    "blk.0.attn_norm.weight": ("F32", (8,)),
    "blk.0.ffn_norm.weight": ("F32", (8,)),
    "output_norm.weight": ("F32", (8,)),
}


def test_a_gguf_header_amounts_to_a_config_that_counts_the_same() -> None:
    header = parse_gguf(gguf_bytes(QWEN3, TENSORS), "a")
    config = config_of_gguf(header)
    assert config is not None
    assert config["tie_word_embeddings"] is True
    assert count(read_architecture(config)).total == count_tensors(header.tensors).weights


def test_blocks_of_a_gguf_tensor_say_its_bytes() -> None:
    (tensor,) = parse_gguf(gguf_bytes({}, {"a": ("Q4_K", (256, 2))}), "a").tensors
    assert tensor.n_bytes == 2 * 144


def test_a_family_without_translation_has_no_config() -> None:
    assert config_of_gguf(parse_gguf(gguf_bytes({"general.architecture": "of tomorrow"}, {}), "a")) is None


def test_every_cut_of_a_gguf_header_is_an_error() -> None:
    whole = gguf_bytes({"general.architecture": "llama", "x": [1, 2], "y": ["ab"]}, {"a": ("F32", (2, 2))})
    parse_gguf(whole, "a")
    for end in range(len(whole)):
        with pytest.raises(AnalysisError):
            parse_gguf(whole[:end], "a")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GGML" + b"\0" * 40, "not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "version 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "announces 1152921504606846976 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62), "a text of 4611686018427387904"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<I", 99),
            "unknown type 99",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 0, 2**40),
            "more than 4000000 items",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 9, 2),
            "array of the unknown type 9",
        ),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<I", 4_000_000), "limit"),
    ],
)
def test_a_hostile_gguf_header_is_refused_by_what_is_wrong(data: bytes, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        parse_gguf(data, "a")


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_are_a_header_or_an_error(data: bytes) -> None:
    try:
        parse_gguf(b"GGUF" + data, "a")
    except AnalysisError as error:
        assert str(error)
