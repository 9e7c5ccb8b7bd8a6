"""Models on disk: which of their files are read, and that of weights only headers are."""

import json
from pathlib import Path

import pytest

from fairlead.analysis.families import read_architecture
from fairlead.analysis.parameters import count
from fairlead.analysis.tensor_table import count_tensors
from fairlead.domain.errors import AnalysisError
from fairlead.evaluation.model_files import read_model
from tests.analysis.small_configs import QWEN3
from tests.analysis.written_files import gguf_bytes, safetensors_bytes

TENSORS = {"model.layers.0.a.weight": ("BF16", (4, 4)), "lm_head.weight": ("F32", (2, 4))}


def test_a_config_alone_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(QWEN3))
    for path in (tmp_path, tmp_path / "config.json"):
        facts = read_model(path)
        assert (facts.kind, facts.tensors, facts.config) == ("config", None, dict(QWEN3))
    assert read_model(tmp_path).name == tmp_path.name


def test_of_a_safetensors_file_only_the_header_is_read(tmp_path: Path) -> None:
    # The weights themselves are not even there: the file ends where its header does.
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(TENSORS))
    facts = read_model(tmp_path / "model.safetensors")
    assert (facts.kind, facts.config) == ("safetensors", None)
    assert facts.tensors is not None and count_tensors(facts.tensors).weights == 24


def test_an_index_leads_to_all_its_files(tmp_path: Path) -> None:
    for at, (name, what) in enumerate(TENSORS.items()):
        (tmp_path / f"{at}.safetensors").write_bytes(safetensors_bytes({name: what}))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: f"{at}.safetensors" for at, name in enumerate(TENSORS)}}))
    for path in (index, tmp_path):
        facts = read_model(path)
        assert facts.tensors is not None and count_tensors(facts.tensors).weights == 24


def test_an_index_without_its_files_falls_back_to_the_config_and_says_so(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "1.safetensors"}}))
    with pytest.raises(AnalysisError, match=r"1\.safetensors is not there, and no config\.json either"):
        read_model(index)
    (tmp_path / "config.json").write_text(json.dumps(QWEN3))
    facts = read_model(index)
    assert facts.kind == "config" and "1 of 1 files" in facts.notes[0]


def test_a_gguf_file_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(gguf_bytes({"general.architecture": "of tomorrow"}, {"a": ("F32", (3,))}))
    facts = read_model(tmp_path / "model")
    assert (facts.kind, facts.config) == ("gguf", None)
    assert "of tomorrow" in facts.notes[0]


def test_a_gguf_file_has_the_config_of_its_metadata(tmp_path: Path) -> None:
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.embedding_length": 64,
        "llama.feed_forward_length": 128,
        "llama.attention.head_count": 4,
    }
    (tmp_path / "a.gguf").write_bytes(gguf_bytes(metadata, {"token_embd.weight": ("F16", (64, 100))}))
    facts = read_model(tmp_path)
    assert facts.config is not None
    assert count(read_architecture(facts.config)).total == 64 * 100 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 128) + 64


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.safetensors", b"", "begins with the length"),
        ("a.safetensors", (10**10).to_bytes(8, "little") + b"{}", "10000000000 bytes"),
        ("a.safetensors", (50).to_bytes(8, "little") + b"{}", "cut off"),
        ("a.safetensors", (2).to_bytes(8, "little") + b"[]", "JSON object"),
        ("a.gguf", b"", "empty"),
        ("a.gguf", b"GGUF\x03", "cut off"),
        ("config.json", b"\x00\x01", "not readable as JSON"),
        ("a.safetensors.index.json", b"{}", "no weight_map"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(AnalysisError, match=said):
        read_model(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"no config\.json, no safetensors and no GGUF"):
        read_model(tmp_path)
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(AnalysisError, match="several GGUF files"):
        read_model(tmp_path)
    with pytest.raises(AnalysisError, match="no such file"):
        read_model(tmp_path / "nowhere")
