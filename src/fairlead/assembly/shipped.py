"""The files that come with the package, read.

One of the few places that touch the disk; the pure core gets what it needs from here as texts and bytes.
"""

from dataclasses import replace
from functools import cache
from importlib.resources import files

from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.evaluation.native_code import native_code
from fairlead.routing.artifact import PromptModel, checksum_of, load
from fairlead.routing.container import unpack
from fairlead.routing.features.joined_embedder import JoinedEmbedder
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.static_table import MEND_TABLE, TABLE_KIND, TABLE_VERSION, StaticTable
from fairlead.routing.predictors.prompt_kernel import PromptKernel
from fairlead.routing.predictors.prompt_reader import PromptReader

ARTIFACT_FILE = "prompt_model.bin"
TABLE_FILE = "token_table.bin"


def catalogue_texts() -> dict[str, str]:
    """File name -> text of every TOML file of the shipped catalogue."""
    folder = files("fairlead.catalogue") / "data"
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}


def shipped_catalogue() -> Catalogue:
    """The catalogue that comes with the package."""
    return parse_catalogue(catalogue_texts())


def artifact_bytes() -> bytes:
    """The routing artefact that comes with the package."""
    return _data(ARTIFACT_FILE)


@cache
def prompt_model() -> PromptModel:
    """The text model and the measured abilities that come with the package. Raises: ArtifactError."""
    model = load(artifact_bytes(), static_table(), checksum_of(_table_file()))
    library = native_code().library
    if library is None:
        return model
    return model._replace(reader=replace(model.reader, scorer=PromptKernel(library, model.reader)))


def prompt_reader() -> PromptReader:
    """The text model that comes with the package. Raises: ArtifactError."""
    return prompt_model().reader


@cache
def static_table() -> StaticTable:
    """The vectors of word pieces that come with the package, once however many ask. Raises: ArtifactError."""
    _, arrays = unpack(_table_file(), TABLE_KIND, TABLE_VERSION, MEND_TABLE)
    return StaticTable.from_arrays(arrays, MEND_TABLE)


@cache
def mending_table() -> StaticTable:
    """For routers of one's own, which mend misspelt words. The text model was fitted on words as they stand."""
    return static_table().mending()


def query_encoder() -> QueryEncoder:
    """What turns a request into features, on the table that comes with the package. Raises: ArtifactError."""
    return QueryEncoder(mending_table())


def encoder_with(place: str | None) -> QueryEncoder:
    """The same beside an outer encoder, a folder or URL#model; without one for None. Raises: ArtifactError."""
    if place is None:
        return query_encoder()
    from fairlead.evaluation.outer_encoders import open_encoder  # noqa: PLC0415 - of the extra `embed`

    return QueryEncoder(JoinedEmbedder(mending_table(), open_encoder(place)))


@cache
def _table_file() -> bytes:
    # The table's rows are views of these bytes: to keep them costs nothing.
    return _data(TABLE_FILE)


def _data(name: str) -> bytes:
    return (files("fairlead.routing") / "data" / name).read_bytes()
