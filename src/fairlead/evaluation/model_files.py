"""A model on disk, read for analysis: config.json, a folder, a safetensors file or index, a GGUF file; headers only.

Weights are never read: of a safetensors file its first bytes, of a GGUF file its header through a map of the file.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fairlead.analysis.config_keys import MAX_CONFIG_BYTES, config_of
from fairlead.analysis.gguf_header import MAGIC, GgufHeader, config_of_gguf, parse_gguf
from fairlead.analysis.safetensors_header import LENGTH_BYTES, header_length, parse_header, parse_index
from fairlead.analysis.tensor_table import Tensor
from fairlead.domain.errors import AnalysisError

CONFIG: Final = "config.json"
INDEX_ENDING: Final = ".safetensors.index.json"
MAX_INDEX_BYTES: Final = 100_000_000
MAX_FILES: Final = 2_000
"""The largest published checkpoints have a few hundred."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What was found of a model."""

    name: str
    kind: str
    """config, safetensors, gguf or hub: where it was read."""
    config: Mapping[str, Any] | None
    """None where no config was there, and none could be made from the metadata."""
    tensors: tuple[Tensor, ...] | None
    """None where only a config was there."""
    notes: tuple[str, ...] = ()


def read_model(path: Path) -> ModelFacts:
    """What stands at a path. Raises: AnalysisError that names the file and what is wrong."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise AnalysisError(f"{path}: there is no such file or folder.")
    if path.name.endswith(INDEX_ENDING):
        return _index(path)
    if path.suffix == ".safetensors":
        return _safetensors(path.parent, [path], path.name)
    if path.suffix == ".gguf" or _begins(path, len(MAGIC)) == MAGIC:
        return _gguf(path)
    return ModelFacts(path.stem, "config", _config(path), None)


def _folder(path: Path) -> ModelFacts:
    index = next((one for one in sorted(path.glob(f"*{INDEX_ENDING}")) if one.is_file()), None)
    shards = sorted(path.glob("*.safetensors"))[: MAX_FILES + 1]
    if index is not None and (shards or not (path / CONFIG).exists()):
        return _index(index)
    if shards:
        return _safetensors(path, shards, path.name)
    if (path / CONFIG).exists():
        return ModelFacts(path.name, "config", _config(path / CONFIG), None)
    found = sorted(path.glob("*.gguf"))
    if len(found) == 1:
        return _gguf(found[0])
    what = "several GGUF files; name one of them" if found else f"no {CONFIG}, no safetensors and no GGUF file"
    raise AnalysisError(f"{path}: {what}.")


def _index(path: Path) -> ModelFacts:
    """All shards that an index names; where some are missing, the config beside it, and a note."""
    names = parse_index(_read(path, MAX_INDEX_BYTES), path.name)
    shards = [path.parent / name for name in names]
    missing = [shard.name for shard in shards if not shard.exists()]
    if not missing:
        return _safetensors(path.parent, shards, path.parent.name or path.name)
    if (path.parent / CONFIG).exists():
        note = f"{len(missing)} of {len(shards)} files of the index are not there: counted from {CONFIG} alone"
        return ModelFacts(path.parent.name, "config", _config(path.parent / CONFIG), None, (note,))
    raise AnalysisError(f"{path}: {missing[0]} is not there, and no {CONFIG} either; an index alone has no shapes.")


def _safetensors(folder: Path, shards: list[Path], name: str) -> ModelFacts:
    if len(shards) > MAX_FILES:
        raise AnalysisError(f"{folder}: more than {MAX_FILES} safetensors files.")
    tensors = tuple(tensor for shard in shards for tensor in _header(shard))
    beside = folder / CONFIG
    return ModelFacts(name, "safetensors", _config(beside) if beside.exists() else None, tensors)


def _header(path: Path) -> tuple[Tensor, ...]:
    try:
        with path.open("rb") as file:
            length = header_length(file.read(LENGTH_BYTES), path.stat().st_size, path.name)
            return parse_header(file.read(length), path.name)
    except OSError as error:
        raise AnalysisError(f"{path}: cannot read: {error.strerror}.") from None


def _gguf(path: Path) -> ModelFacts:
    header = _gguf_header(path)
    config = config_of_gguf(header)
    notes = () if config is not None else (f"no config follows from the metadata of {header.architecture[:40]!r}",)
    return ModelFacts(path.stem, "gguf", config, header.tensors, notes)


def _gguf_header(path: Path) -> GgufHeader:
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise AnalysisError(f"{path}: the file is empty.")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return parse_gguf(data, path.name)
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path}: cannot read: {str(error)[:200]}.") from None


def _config(path: Path) -> Mapping[str, Any]:
    return config_of(_read(path, MAX_CONFIG_BYTES), path.name)


def _read(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise AnalysisError(f"{path}: {size} bytes; {most} is the limit for such a file.")
        return path.read_bytes()
    except OSError as error:
        raise AnalysisError(f"{path}: cannot read: {error.strerror}.") from None


def _begins(path: Path, n: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(n)
    except OSError as error:
        raise AnalysisError(f"{path}: cannot read: {error.strerror}.") from None
