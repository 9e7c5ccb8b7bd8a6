import dataclasses

import numpy as np
import pytest

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import outline_of_text
from fairlead.evaluation import prompt_design
from fairlead.evaluation.item_response import fit_item_scale
from fairlead.evaluation.prompt_corpus import SEED_SOURCE, Corpus, build_corpus
from fairlead.evaluation.prompt_design import MIN_CLUSTER_QUESTIONS, build_design, quantised_reader
from fairlead.evaluation.prompt_fits import FEATURE_SETS, compare_features, fit_heads, fit_number, folds_of
from fairlead.evaluation.seed_prompts import SeedPrompt
from fairlead.evaluation.task_kinds import as_shares
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.predictors.prompt_reader import HEADS
from tests.evaluation.small_tables import table_of
from tests.routing.small_reader import small_table

TABLE = small_table()
SUMS = [f"How many apples are {'a ' * a}+ {b}?{' Look up.' * b}" for a in range(12) for b in range(5)]
POEMS = [f"Please write {'the poem, ' * n} of apples for {m}." for n in range(8) for m in ("Ann", "Barbara", "A B C")]


def corpus() -> Corpus:
    drawer = np.random.default_rng(0)
    table = table_of(
        "zeroeval", SUMS, ("x", "y", "z"), (drawer.random((60, 3)) < 0.6).astype(np.float64), np.full((60, 3), 30.0)
    )
    table = dataclasses.replace(table, tasks=("gsm",) * 60)
    seeds = [SeedPrompt(text, as_shares({"writing": 1.0}), -3.0 - 0.01 * at, 300.0) for at, text in enumerate(POEMS)]
    return build_corpus([table], fit_item_scale([table]), seeds)


CORPUS = corpus()
DESIGN = build_design(CORPUS, TABLE)


def test_the_reader_says_what_was_fitted() -> None:
    drawer = np.random.default_rng(0)
    rows = DESIGN.rows()
    coefficients = drawer.normal(0.0, 0.2, (rows.n_columns, len(HEADS)))
    intercepts = drawer.standard_normal(len(HEADS))

    reader = quantised_reader(DESIGN, TABLE, coefficients, intercepts, (1.0, 1.0), {})

    scores = rows.times(coefficients) + intercepts
    readings = [reader.read(outline_of_text(text)) for text in CORPUS.texts]
    difficulty = [reading.difficulty for reading in readings]
    assert difficulty == pytest.approx(np.clip(scores[:, len(KINDS)], -6, 6), abs=0.02)
    chances = np.exp(scores[:, : len(KINDS)])
    chances /= chances.sum(axis=1, keepdims=True)
    assert np.array([reading.kind_shares for reading in readings]) == pytest.approx(chances, abs=0.01)


def test_no_landmark_is_the_place_of_a_text() -> None:
    marks = DESIGN.landmarks
    features = QueryEncoder(TABLE).encode_all([outline_of_text(text) for text in CORPUS.texts])
    places = np.array(
        [marks.columns(dense, shape) for dense, shape in zip(features.dense, features.shape, strict=True)]
    )
    n, n_dims = len(marks), marks.meaning.shape[1]
    gaps = np.abs(places[:, None, n + n_dims :] - marks.shape[None]).max(axis=2)
    turns = np.abs(places[:, None, n : n + n_dims] - marks.meaning[None]).max(axis=2)

    assert len(marks) > 1
    assert float(np.maximum(gaps, turns).min()) > 1e-3


def test_a_cluster_of_few_questions_is_no_landmark() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    points[:40] += np.arange(40, dtype=np.float32)[:, None] * 1e-3
    groups = np.array([*(str(n) for n in range(40)), *["the same question"] * 20])

    kept = prompt_design._large_clusters(points, groups, 3)

    assert MIN_CLUSTER_QUESTIONS > 1
    assert all(float(row[2]) < 0.9 for row in kept)


def test_the_same_corpus_gives_the_same_design() -> None:
    again = build_design(CORPUS, TABLE)

    assert np.array_equal(again.landmarks.meaning, DESIGN.landmarks.meaning)
    assert np.array_equal(
        again.rows().times(np.ones(again.rows().n_columns)), DESIGN.rows().times(np.ones(DESIGN.rows().n_columns))
    )


def test_heads_learn_what_the_texts_tell() -> None:
    heads = fit_heads(DESIGN, CORPUS)
    reader = quantised_reader(DESIGN, TABLE, heads.coefficients, heads.intercepts, (1.0, 1.0), {})

    a_sum, poem = (
        reader.read(outline_of_text(text)) for text in ("How many apples are 3 + 9?", "Write the poem of apples.")
    )
    assert a_sum.kind_shares[KINDS.index("maths")] > poem.kind_shares[KINDS.index("maths")]
    assert poem.kind_shares[KINDS.index("writing")] > a_sum.kind_shares[KINDS.index("writing")]
    assert a_sum.difficulty > poem.difficulty
    assert a_sum.log_output_tokens < poem.log_output_tokens


def test_held_out_predictions_are_of_texts_that_were_left_out() -> None:
    rows, folds, weights = DESIGN.rows(), folds_of(CORPUS), np.ones(len(CORPUS.texts))
    of_one = folds == 1
    targets = (CORPUS.difficulty, np.where(of_one, 99.0, CORPUS.difficulty))

    before, after = (fit_number(rows, one, weights, folds, (4.0,)).held_out for one in targets)

    assert np.array_equal(before[of_one], after[of_one])
    assert not np.allclose(before[~of_one], after[~of_one])


def test_the_comparison_judges_every_set_of_features_on_the_same_rows() -> None:
    rows = compare_features(DESIGN, CORPUS, FEATURE_SETS[2:3])

    assert [row["features"] for row in rows] == [", ".join(names) for names in FEATURE_SETS[2:3]]
    assert all(set(row["difficulty_spearman"]) == {"zeroeval", SEED_SOURCE} for row in rows)
    assert all(row["difficulty_mse"] > 0 and row["kinds_log_loss"] > 0 for row in rows)
