"""The files that come with the package, read.

One of the few places that touch the disk; the pure core gets what it needs from here as texts and bytes.
"""

from importlib.resources import files

from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.routing.artifact import load
from fairlead.routing.features.prompt_reader import PromptReader

ARTIFACT_FILE = "prompt_model.bin"


def catalogue_texts() -> dict[str, str]:
    """File name -> text of every TOML file of the shipped catalogue."""
    folder = files("fairlead.catalogue") / "data"
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}


def shipped_catalogue() -> Catalogue:
    """The catalogue that comes with the package."""
    return parse_catalogue(catalogue_texts())


def artifact_bytes() -> bytes:
    """The routing artefact that comes with the package."""
    return (files("fairlead.routing") / "data" / ARTIFACT_FILE).read_bytes()


def prompt_reader() -> PromptReader:
    """The text model that comes with the package. Raises: ArtifactError."""
    return load(artifact_bytes())
