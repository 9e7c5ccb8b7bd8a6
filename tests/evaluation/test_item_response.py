import numpy as np
import pytest

from fairlead.evaluation.item_response import fit_item_scale, joined_name
from fairlead.evaluation.outcome_data import OutcomeTable
from tests.evaluation.small_tables import table_of


def simulated(
    drawer: np.random.Generator, source: str, models: tuple[str, ...], abilities: list[float], shift: float
) -> tuple[OutcomeTable, np.ndarray]:
    difficulty = shift + drawer.standard_normal(400)
    chance = 1 / (1 + np.exp(difficulty[:, None] - np.array(abilities)[None, :]))
    scores = (drawer.random(chance.shape) < chance).astype(float)
    return table_of(source, [f"question {source} {i}" for i in range(400)], models, scores), difficulty


def test_two_benchmarks_are_put_on_one_scale_by_the_models_they_share() -> None:
    drawer = np.random.default_rng(5)
    easy, easy_truth = simulated(drawer, "zeroeval", ("a", "b", "c"), [-1.0, 0.0, 1.0], shift=-1.0)
    hard, hard_truth = simulated(drawer, "kor_bench", ("b", "c", "d"), [0.0, 1.0, 2.0], shift=1.0)

    scale = fit_item_scale([easy, hard])

    gaps = {model: scale.abilities[model] - scale.abilities["b"] for model in "acd"}
    assert gaps == pytest.approx({"a": -1.0, "c": 1.0, "d": 2.0}, abs=0.5)
    shift = scale.task_means["kor_bench:task"] - scale.task_means["zeroeval:task"]
    assert shift == pytest.approx(hard_truth.mean() - easy_truth.mean(), abs=0.35)


def test_harder_questions_get_larger_difficulties() -> None:
    scores = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=float)

    scale = fit_item_scale([table_of("zeroeval", ["a", "b", "c", "d"], ("x", "y", "z"), scores)])

    assert (np.diff(scale.difficulty) > 0).all()
    assert np.isfinite(scale.difficulty).all() and (scale.information > 0).all()


def test_a_missing_outcome_is_not_a_wrong_answer() -> None:
    full = np.array([[1.0, 1.0], [1.0, 0.0]])
    holed = np.array([[1.0, 1.0], [1.0, np.nan]])

    easier, harder = (
        fit_item_scale([table_of("zeroeval", ["a", "b"], ("x", "y"), scores)]).difficulty[1] for scores in (holed, full)
    )
    assert easier < harder


def test_lucky_guesses_do_not_make_a_question_easy() -> None:
    scores = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    models = ("w", "x", "y", "z")

    open_ended = fit_item_scale([table_of("zeroeval", ["a", "b"], models, scores)])
    choices = fit_item_scale([table_of("routellm", ["a", "b"], models, scores)])

    assert choices.difficulty[0] > open_ended.difficulty[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3_1-8B-Instruct"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B-Instruct-v0.1"),
        ("Meta-Llama-3.1-405B-Instruct@hyperbolic", "Llama-3.1-405B-Inst-fp8"),
        ("gemma-2-27b-it@together", "gemma-2-27b-it"),
    ],
)
def test_spellings_of_one_model_are_joined(one: str, other: str) -> None:
    assert joined_name(one) == joined_name(other)


def test_a_base_model_is_not_its_chat_model() -> None:
    assert joined_name("gemma-2-9b (base, 3-shot)") != joined_name("gemma-2-9b-it")
