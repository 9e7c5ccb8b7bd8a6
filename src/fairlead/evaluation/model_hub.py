"""A model on a hub, read for analysis: its config.json and the headers of its weights, by the hub's own client.

The only file that touches huggingface_hub (extra `hub`). HF_ENDPOINT names another hub; nothing of the weights but
their headers is fetched.
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
        path = hub.hf_hub_download(name, CONFIG, revision=revision)
    except hub_errors.RepositoryNotFoundError:
        raise AnalysisError(f"{name}: the hub has no such model, or it is closed to you; see HF_TOKEN.") from None
    except hub_errors.EntryNotFoundError as error:
        if isinstance(error, hub_errors.LocalEntryNotFoundError):
            raise AnalysisError(_offline(name)) from None
        raise AnalysisError(f"{name}: this model on the hub has no {CONFIG}.") from None
    except (hub_errors.HFValidationError, hub_errors.HfHubHTTPError, OSError, ValueError) as error:
        raise AnalysisError(f"{name}: the hub gave no {CONFIG}: {_plain(error)}.") from None
    return ModelFacts(name, "hub", _config(Path(path)), None)


def _offline(name: str) -> str:
    return (
        f"{name}: no such file here, and the hub cannot be reached (offline, HF_HUB_OFFLINE or a wrong HF_ENDPOINT). "
        "Give a config.json, a folder, a safetensors or a GGUF file."
    )


def _config(path: Path) -> Mapping[str, Any]:
    return config_of(path.read_bytes(), CONFIG)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
