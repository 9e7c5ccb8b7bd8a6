"""What the artefact inside the package promises."""

import json
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from fairlead.assembly.shipped import artifact_bytes, prompt_model, shipped_catalogue, static_table
from fairlead.evaluation.outcome_data import outline_of, sha256_of_files
from fairlead.evaluation.prompt_report import difficulty_figures, everyday_accuracy
from fairlead.evaluation.prompt_training import TRAINED_SOURCES, training_tables
from fairlead.evaluation.seed_prompts import seed_bytes
from fairlead.routing.artifact import card_of
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.modelmap.ability import MIN_MEASURED_OUTCOMES
from fairlead.routing.predictors.kernel_basis import scale_meaning, scale_shape

ARTEFACT = artifact_bytes()
READER, MEASURED = prompt_model()
DATA = os.environ.get("FAIRLEAD_DATA", "")


def test_it_is_small_and_its_card_stands_beside_it() -> None:
    beside = json.loads(resources.files("fairlead.routing").joinpath("data", "prompt_model.json").read_text("utf-8"))

    table = resources.files("fairlead.routing").joinpath("data", "token_table.bin").read_bytes()
    assert len(ARTEFACT) < 3_000_000 and len(ARTEFACT) + len(table) < 12_000_000
    assert {key: beside[key] for key in card_of(ARTEFACT)} == card_of(ARTEFACT)
    assert beside["artefact_bytes"] == len(ARTEFACT)


def test_it_was_fitted_on_the_seed_prompts_in_the_tree() -> None:
    from hashlib import sha256

    assert card_of(ARTEFACT)["seed_prompts_sha256"] == sha256(seed_bytes()).hexdigest(), "run `make artefact`"


def test_its_sources_may_be_shipped() -> None:
    sources = card_of(ARTEFACT)["sources"]

    assert set(sources) == set(TRAINED_SOURCES)
    assert {source["licence"] for source in sources.values()} <= {"MIT", "Apache-2.0"}
    assert card_of(ARTEFACT)["fold"] == "dev"


def test_what_is_measured_has_a_card_and_outcomes_enough() -> None:
    cards = shipped_catalogue().cards

    assert len(MEASURED) >= 50
    assert {name for name in MEASURED if name not in cards} == set()
    assert sum(one.n_outcomes >= MIN_MEASURED_OUTCOMES for one in MEASURED.values()) >= 50
    assert {name for one in MEASURED.values() for name in one.sources} <= set(TRAINED_SOURCES)


def test_the_table_is_read_once_and_shared() -> None:
    assert READER.table is static_table()


def test_the_features_that_are_shipped_were_at_least_as_good_as_the_others_on_left_out_questions() -> None:
    shipped, *others = card_of(ARTEFACT)["fit"]["held_out_by_features"]

    assert len(others) >= 4
    for other in others:
        assert shipped["kinds_log_loss"] < other["kinds_log_loss"] + 0.01, other["features"]
        assert shipped["difficulty_mse"] < other["difficulty_mse"] + 0.02, other["features"]
        assert shipped["log_tokens_mse"] < other["log_tokens_mse"] + 0.005, other["features"]


def test_everyday_prompts_are_mostly_read_as_the_right_kind() -> None:
    figures = everyday_accuracy(READER)

    assert figures["n_right"] / figures["n"] >= 0.8


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        ("hi, how are you?", "Prove that every finite division ring is commutative."),
        ("What is the capital of Italy?", "Derive the Yang-Mills beta function at one loop."),
        ("What is 3 + 4?", "Find all positive integers n such that n! + 5 is a perfect cube, with proof."),
        (
            "Write hello world in Python.",
            "Implement a lock-free multi-producer queue in C++ and prove it linearisable.",
        ),
        ("Translate to German: good morning", "Solve this zebra puzzle with six houses from the clues below."),
    ],
)
def test_small_talk_is_easier_than_proofs(easier: str, harder: str) -> None:
    easy, hard = READER.read(outline_of(easier)), READER.read(outline_of(harder))

    assert easy.difficulty + 1.0 < hard.difficulty


def test_an_essay_is_expected_to_be_longer_than_a_greeting() -> None:
    greeting, essay = (
        READER.read(outline_of("hello!")),
        READER.read(outline_of("Write an essay about the history of glass.")),
    )

    assert greeting.log_output_tokens + 0.5 < essay.log_output_tokens


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="FAIRLEAD_DATA is not set")
def test_difficulty_ranks_held_out_questions() -> None:
    figures = difficulty_figures(READER, Path(DATA), ("llmrouter9", "mmlu_pro", "kor_bench"))

    assert {row["source"]: row["spearman"] for row in figures if row["spearman"] > -0.3} == {}


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="FAIRLEAD_DATA is not set")
def test_the_card_s_hash_is_that_of_the_data() -> None:
    assert card_of(ARTEFACT)["files_sha256"] == sha256_of_files(Path(DATA), TRAINED_SOURCES)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="FAIRLEAD_DATA is not set")
def test_no_landmark_is_a_question_that_was_trained_on() -> None:
    marks = READER.landmarks
    texts = [text for table in training_tables(Path(DATA)) for text in table.texts]
    features = QueryEncoder(static_table()).encode_all([outline_of(text) for text in texts])
    meaning = scale_meaning(features.dense, marks.centre)
    shape = scale_shape(features.shape, marks.shape_mean, marks.shape_sd)

    for direction, form in zip(marks.meaning, marks.shape, strict=True):
        same = (meaning @ direction > 0.9999) & (np.abs(shape - form).max(axis=1) < 0.01)
        assert not same.any()
