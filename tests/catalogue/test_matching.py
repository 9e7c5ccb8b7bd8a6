"""Spellings: what a local server calls a model, and what is offered when nobody has the name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.matching import MAX_NAME_CHARS, index_of, nearest, normalised


@pytest.mark.parametrize(
    ("spelling", "form"),
    [
        ("llama3.1:8b", "llama-3-1-8b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3-1-8b"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3-1-8b"),
        ("/models/qwen2.5-7b-instruct-fp8", "qwen-2-5-7b"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen-2-5-7b"),
        ("gemma3:27b-it-qat", "gemma-3-27b"),
        ("gpt-oss:20b", "gpt-oss-20b"),
        ("deepseek-v3", "deepseek-3"),
        ("mistral:latest", "mistral"),
        ("Command-R+", "command-r-plus"),
    ],
)
def test_what_hosts_add_to_a_name_goes(spelling: str, form: str) -> None:
    assert normalised(spelling) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-3.5-turbo", "gpt-3.5-turbo-instruct"),
        ("gpt-5", "gpt-5-chat"),
        ("gpt-5", "gpt-5-mini"),
        ("qwen3-next-80b-a3b-instruct", "qwen3-next-80b-a3b-thinking"),
        ("deepseek-r1", "deepseek-r1-0528"),
        ("llama3.1:8b", "llama3.1:70b"),
        ("command-r", "command-r+"),
        ("qwen2.5-7b", "qwen2.5-coder-7b"),
    ],
)
def test_what_may_be_other_weights_stays(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


WORDS = st.sampled_from(
    ["meta", "llama3.1", "qwen", "v2", "8b", "it", "instruct", "q4", "k", "m", "gpt", "5", "fp8", "x"]
)
NAMES = st.lists(WORDS | st.text(max_size=4), max_size=8).map("-".join)


@given(NAMES)
def test_a_normal_form_is_its_own_normal_form(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name)


@given(st.lists(WORDS, max_size=8).map("-".join))
def test_case_folder_and_packing_never_change_the_form(tail: str) -> None:
    spelled = f"llama-7b-{tail}-x"
    assert normalised(f"Some/Folder/{spelled.upper()}-GGUF") == normalised(spelled)


def test_a_form_that_means_two_things_means_neither() -> None:
    assert index_of([("a-1", "one"), ("A 1", "two"), ("b", "three"), ("B", "three")]) == {"b": "three"}


def test_the_nearest_names_come_best_first() -> None:
    known = ["openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude-opus-4-8", "google/gemini-2.5-pro"]
    assert nearest("gpt-5-mni", known)[0] == "openai/gpt-5-mini"
    assert "anthropic/claude-opus-4-8" not in nearest("gpt-5-mni", known)
    assert nearest("gpt-5-mni", known, n=1) == ("openai/gpt-5-mini",)


def test_names_that_share_nothing_are_not_offered() -> None:
    assert nearest("zzzz", ["openai/gpt-5", "meta/llama-3.3-70b-instruct"]) == ()
    assert nearest("", ["openai/gpt-5"]) == ()
    assert nearest("   /  ", ["openai/gpt-5"]) == ()


@pytest.mark.parametrize(
    "hostile",
    ["a" * 10_000, "-" * 10_000, "gpt-5" * 2_000, "\x00\ud800" * 5_000, "q4_k_" * 2_000, "/" * 10_000, "٣" * 9_999],
)
def test_a_hostile_name_is_cut_before_it_costs_anything(hostile: str) -> None:
    known = [f"lab/model-{i}-with-a-long-name" for i in range(50)]
    assert normalised(hostile) == normalised(hostile[:MAX_NAME_CHARS])
    assert nearest(hostile, known) == nearest(hostile[:MAX_NAME_CHARS], known)


@given(st.text(), st.lists(st.text(max_size=30), max_size=8))
def test_any_text_gets_an_answer_of_known_names(name: str, known: list[str]) -> None:
    assert set(nearest(name, known)) <= set(known)
