import numpy as np
import pytest

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.item_response import fit_item_scale
from fairlead.evaluation.prompt_corpus import LENGTH_SHIFTS, SEED_SOURCE, Corpus, build_corpus, fold_of, log_lengths
from fairlead.evaluation.seed_prompts import SeedPrompt
from fairlead.evaluation.task_kinds import TASK_KINDS, as_shares, kind_shares_of
from tests.evaluation.small_tables import table_of

SEEDS = (
    SeedPrompt("write a poem", as_shares({"writing": 1.0}), -3.0, 300.0),
    SeedPrompt("write a sonnet", as_shares({"writing": 1.0}), -2.0, 300.0, 0.5, "write a {}"),
    SeedPrompt("sort this list", as_shares({"data": 1.0}), -3.0, 100.0),
)
TABLE = table_of(
    "zeroeval",
    ["## Question: \n\nWhat is 2 + 2?\n\n\n## Instruction \n\nAnswer.", "How many eggs are left?"],
    ("x", "y"),
    np.array([[1.0, 1.0], [1.0, 0.0]]),
    np.array([[10.0, 40.0], [100.0, 400.0]]),
    task="gsm",
)


def corpus() -> Corpus:
    return build_corpus([TABLE], fit_item_scale([TABLE]), SEEDS)


def test_a_framed_question_stands_twice_at_half_weight_and_in_one_group() -> None:
    built = corpus()

    assert built.texts[:3] == (TABLE.texts[0], "What is 2 + 2?", TABLE.texts[1])
    assert built.groups[0] == built.groups[1] != built.groups[2]
    assert built.sources == ("zeroeval",) * 3 + (SEED_SOURCE,) * 3
    assert built.length_weights[:3].tolist() == [0.5, 0.5, 1.0]


def test_every_kind_that_is_taught_weighs_the_same() -> None:
    built = corpus()

    mass = (built.shares * built.kind_weights[:, None]).sum(axis=0)
    by_kind = dict(zip(KINDS, mass, strict=True))
    # Maths has no seed and writing and data have no question: each gets the half that it has.
    assert by_kind["maths"] == pytest.approx(by_kind["writing"]) == pytest.approx(by_kind["data"])
    assert by_kind["code"] == 0.0


def test_wordings_of_one_template_share_a_group() -> None:
    assert corpus().groups[4] == "write a {}"


def test_the_verbosity_of_models_is_taken_out_of_lengths() -> None:
    lengths = log_lengths(TABLE)

    assert np.exp(lengths - LENGTH_SHIFTS["zeroeval"]) == pytest.approx([20.0, 200.0])


def test_sources_without_known_lengths_teach_none() -> None:
    assert np.isnan(log_lengths(table_of("llmrouter9", ["a"], ("x",), np.array([[1.0]]), np.array([[5.0]])))).all()


def test_folds_are_fixed_by_the_group() -> None:
    folds = [fold_of(f"group {number}", 4) for number in range(400)]

    assert folds == [fold_of(f"group {number}", 4) for number in range(400)]
    assert min(folds.count(fold) for fold in range(4)) > 60


def test_kinds_of_tasks_are_shares_and_the_longest_prefix_wins() -> None:
    for kinds in TASK_KINDS.values():
        assert as_shares(kinds).sum() == pytest.approx(1.0)
    maths = kind_shares_of("mmlu_pro", "mmlu_pro/math")
    law = kind_shares_of("mmlu_pro", "mmlu_pro/law")
    assert maths is not None and maths[KINDS.index("maths")] == 1.0
    assert law is not None and law[KINDS.index("knowledge")] == 0.7
    assert kind_shares_of("routellm", "routellm_mt_bench") is None


def test_shares_of_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        as_shares({"cooking": 1.0})
    with pytest.raises(ValueError, match="sum to 1"):
        as_shares({"maths": 0.5})
