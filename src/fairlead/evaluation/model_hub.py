"""A model on a hub, read for analysis: its config.json alone, by the hub's own client.

The only file that touches huggingface_hub (extra `hub`). HF_ENDPOINT names another hub; no weights are fetched.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from fairlead.analysis.config_keys import config_of
from fairlead.domain.errors import AnalysisError
from fairlead.evaluation.model_files import CONFIG, ModelFacts


def fetch_model(name: str, revision: str | None = None) -> ModelFacts:
    """The config of a model on the hub.

    Raises: AnalysisError when the extra is not installed, the hub cannot be reached, or it has no such model or config.
    """
    try:
        hub = import_module("huggingface_hub")
    except ImportError:
        raise AnalysisError(
            f"{name}: no such file here, and to ask a hub needs the extra: pip install 'fairlead[hub]'."
        ) from None
    hub_errors = import_module("huggingface_hub.errors")
    try:
        # Its download tries a hub that cannot be reached for half a minute, and says so line by line.
        is_there = _answers(hub, hub_errors, name, revision)
        path = hub.hf_hub_download(name, CONFIG, revision=revision, local_files_only=not is_there)
    except hub_errors.RepositoryNotFoundError:
        raise AnalysisError(f"{name}: the hub has no such model, or it is closed to you; see HF_TOKEN.") from None
    except hub_errors.EntryNotFoundError as error:
        if isinstance(error, hub_errors.LocalEntryNotFoundError):
            raise AnalysisError(_offline(name)) from None
        raise AnalysisError(f"{name}: this model on the hub has no {CONFIG}.") from None
    except (hub_errors.HFValidationError, hub_errors.HfHubHTTPError, OSError, ValueError) as error:
        raise AnalysisError(f"{name}: the hub gave no {CONFIG}: {_plain(error)}.") from None
    return ModelFacts(name, "hub", _config(Path(path)), None)


def _answers(hub: Any, hub_errors: Any, name: str, revision: str | None) -> bool:
    """Whether the hub can be reached, asked once; what it says does not matter here."""
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(name, CONFIG, revision=revision))
    except hub_errors.HfHubHTTPError:
        return True
    except (hub_errors.HTTPError, OSError):
        return False
    return True


def _offline(name: str) -> str:
    return (
        f"{name}: no such file here, and the hub cannot be reached (offline, HF_HUB_OFFLINE or a wrong HF_ENDPOINT). "
        "Give a config.json, a folder, a safetensors or a GGUF file."
    )


def _config(path: Path) -> Mapping[str, Any]:
    return config_of(path.read_bytes(), CONFIG)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
