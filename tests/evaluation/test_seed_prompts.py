import re

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.outcome_data import normal_form
from fairlead.evaluation.seed_prompts import MAX_WORDINGS, read_everyday_prompts, read_seed_prompts, write_out


def test_every_kind_has_forty_seeds_or_more_in_several_scripts() -> None:
    seeds = read_seed_prompts()

    for index, kind in enumerate(KINDS):
        own = [seed for seed in seeds if int(seed.kind_shares.argmax()) == index and not seed.family]
        assert len(own) >= 40, kind
        assert any(not seed.text.isascii() for seed in own), kind


def test_seeds_have_sane_labels_and_written_out_templates() -> None:
    for seed in read_seed_prompts():
        assert -6 <= seed.difficulty <= 6 and 1 <= seed.output_tokens <= 5_000
        assert not seed.family or not re.search(r"\{[^{}]*\|", seed.text), seed.text


def test_no_everyday_prompt_is_among_the_seeds() -> None:
    seeds = {normal_form(seed.text) for seed in read_seed_prompts()}

    assert not [prompt.text for prompt in read_everyday_prompts() if normal_form(prompt.text) in seeds]


def test_everyday_prompts_name_known_kinds() -> None:
    prompts = read_everyday_prompts()

    assert len(prompts) >= 60
    assert {kind for prompt in prompts for kind in prompt.kinds} == set(KINDS)


def test_a_template_is_written_out_with_every_alternative() -> None:
    texts = write_out("{a|b} cat {runs|sits|sleeps}{.|!}")

    assert len(texts) == 12
    assert set("".join(texts)) >= set("ab.!")
    assert all(any(verb in text for text in texts) for verb in ("runs", "sits", "sleeps"))


def test_braces_without_alternatives_are_kept() -> None:
    assert write_out("f(x) = {1, 2}") == ("f(x) = {1, 2}",)


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=5, unique=True), min_size=1, max_size=5))
def test_wordings_are_few_and_distinct(slots: list[list[str]]) -> None:
    texts = write_out(" ".join("{" + "|".join(slot) + "}" for slot in slots))

    assert 1 <= len(texts) <= MAX_WORDINGS
    assert len(set(texts)) == len(texts)
