"""The catalogue's files: what they say becomes cards, and what they say wrongly is refused by file and key."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Benchmark, Fact, Figure, ModelCard, Offer, Prices
from fairlead.catalogue.parsing import parse_benchmarks, parse_catalogue, parse_lab, version_of
from fairlead.catalogue.uncertainty import standard_error
from fairlead.domain.errors import CatalogueError
from fairlead.domain.names import ModelId, ProviderName, SentModel

BENCHMARKS = """
[benchmarks]
sums = { title = "Sums", owner = "Someone", kinds = { maths = 1 }, n_questions = 400 }
quiz = { title = "Quiz", owner = "Someone", kinds = { knowledge = 0.5, reasoning = 0.5 }, guess_rate = 0.25 }
"""
LAB = """
lab = "acme"

[sources]
list = { title = "A list", url = "https://list.example", licence = "MIT", as_of = 2026-07-02 }
board = { title = "A board", as_of = 2026-05-01 }

[models."rocket-1"]
title = "Rocket 1"
family = "rocket"
aliases = ["rocket"]
facts = '''
# a comment
list release=2026-03-05 open_weights=yes context_tokens=128000 tools=yes vision=no parameters_total=7000000000

'''
offers = '''
list acme rocket-1-0305 input=2.5 cached_read=0.25 output=15
list other acme/rocket:1 context_tokens=32000
'''
figures = '''
board row=rocket-1-high as_of=2026-06-01 sums=0.81
'''
"""


def test_a_file_becomes_cards_with_source_and_date_on_every_fact() -> None:
    benchmarks = parse_benchmarks(BENCHMARKS)
    source, day = "A list, https://list.example", date(2026, 7, 2)
    assert parse_lab("acme.toml", LAB, benchmarks) == [
        ModelCard(
            model=ModelId("acme/rocket-1"),
            title="Rocket 1",
            lab="acme",
            family="rocket",
            release=Fact(date(2026, 3, 5), source, day),
            open_weights=Fact(True, source, day),
            context_tokens=Fact(128_000, source, day),
            max_output_tokens=None,
            abilities={"tools": Fact(True, source, day), "vision": Fact(False, source, day)},
            parameters_total=Fact(7_000_000_000, source, day),
            figures=(
                Figure("sums", 0.81, standard_error(0.81, 400, 0.025), "A board, rocket-1-high", date(2026, 6, 1)),
            ),
            offers=(
                Offer(
                    ProviderName("acme"), SentModel("rocket-1-0305"), Fact(Prices(2.5, 0.25, None, 15.0), source, day)
                ),
                Offer(
                    ProviderName("other"),
                    SentModel("acme/rocket:1"),
                    Fact(Prices(), source, day),
                    context_tokens=Fact(32_000, source, day),
                ),
            ),
            aliases=("rocket",),
        )
    ]


def test_benchmarks_keep_their_kinds_and_guess_rate() -> None:
    assert parse_benchmarks(BENCHMARKS)["quiz"] == Benchmark(
        "quiz", "Quiz", "Someone", {"knowledge": 0.5, "reasoning": 0.5}, None, 0.25
    )


MISTAKES = [
    ("lab = 'x'\n[models.a]\ntitle='A'\nprice=1", "x.toml: models.a: unknown key 'price'"),
    ("lab = 'X'", "x.toml: lab"),
    ("lab = 'x'\ncolour = 'red'", "x.toml: unknown key 'colour'"),
    ("lab = 'x'\n[models.A]\ntitle='A'", "x.toml: models.A"),
    ("lab = 'x'\n[models.a]", "x.toml: models.a.title"),
    ("lab = 'x'\n[models.a]\ntitle='A'\nfacts='s tools=yes'", "models.a.facts line 0: 's' is not among"),
    ("lab = 'x'\n[sources.s]\ntitle='S'", "x.toml: sources.s.as_of"),
    ("lab = 'x'\n[sources.s]\ntitle='S'\nas_of=2026-07-02T10:00:00", "x.toml: sources.s.as_of"),
    ("lab = 'x'\n[sources.s]\nas_of=2026-07-02", "x.toml: sources.s.title"),
    ("lab = 'x'\nmodels = 3", "x.toml: models: a table is missing"),
    ("lab = 'x'\n[models.a]\ntitle='A'\ncurrent='yes'", "x.toml: models.a.current"),
    ("lab = 'x'\n[models.a]\ntitle='A'\naliases='b'", "x.toml: models.a.aliases"),
    ("lab = ", "x.toml: not TOML"),
    ("[" * 3000, "x.toml: not TOML"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_refused_with_its_file_and_key(text: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_lab("x.toml", text, {})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("block", "line", "message"),
    [
        ("facts", "s tools=maybe", "tools: yes or no"),
        ("facts", "s colour=red", "unknown fact 'colour'"),
        ("facts", "s tools=yes tools=no", "tools is stated twice"),
        ("facts", "s release=2026-13-01", "release: a date"),
        ("facts", "s context_tokens=0", "context_tokens: a whole number above 0"),
        ("facts", "s context_tokens=1.5", "context_tokens: a whole number above 0"),
        ("facts", "s context_tokens=nan", "context_tokens: a number"),
        ("offers", "s acme", "an offer is"),
        ("offers", "s acme m input=0", "a price above 0"),
        ("offers", "s acme m input=-1", "a price above 0"),
        ("offers", "s acme m input=inf", "input: a number"),
        ("offers", "s acme m colour=1", "unknown key 'colour'"),
        ("figures", "s quizz=0.5", "'quizz' is not in benchmarks.toml"),
        ("figures", "s quiz=81", "a number from 0 to 1"),
    ],
)
def test_a_mistake_in_a_line_names_the_line(block: str, line: str, message: str) -> None:
    text = f"lab='x'\n[sources.s]\ntitle='S'\nas_of=2026-01-01\n[models.a]\ntitle='A'\n{block}='''\n{line}\n'''"
    with pytest.raises(CatalogueError) as caught:
        parse_lab("x.toml", text, parse_benchmarks(BENCHMARKS))
    assert f"x.toml: models.a.{block} line 0" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "kinds", ["{ maths = 0.5 }", "{ sport = 1 }", "{ }", "{ maths = 'x' }", "{ maths = 0.6, code = 0.6 }"]
)
def test_weights_of_a_benchmark_are_of_known_kinds_and_sum_to_one(kinds: str) -> None:
    with pytest.raises(CatalogueError, match=r"benchmarks\.b\.kinds"):
        parse_benchmarks(f'[benchmarks]\nb = {{ title = "B", owner = "O", kinds = {kinds} }}')


def test_the_version_follows_names_and_texts_and_nothing_else() -> None:
    texts = {"benchmarks.toml": BENCHMARKS, "acme.toml": LAB}
    assert version_of(texts) == version_of(dict(reversed(texts.items())))
    assert version_of(texts) != version_of({**texts, "acme.toml": LAB + "\n"})
    assert version_of({"a": "bc"}) != version_of({"ab": "c"})
    assert parse_catalogue(texts).version == version_of(texts)


def test_a_catalogue_without_benchmarks_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"benchmarks\.toml is missing"):
        parse_catalogue({"acme.toml": LAB})


@given(st.text(max_size=200))
def test_any_text_gives_cards_or_a_catalogue_error(text: str) -> None:
    try:
        assert isinstance(parse_lab("x.toml", f"lab = 'x'\n{text}", {}), list)
    except CatalogueError as error:
        assert str(error).startswith("x.toml")


@given(st.floats(0, 1), st.one_of(st.none(), st.integers(1, 20_000)), st.floats(0.0, 0.2))
def test_an_error_never_falls_below_the_set_up_and_never_reaches_one_half_more(
    score: float, n_questions: int | None, setup: float
) -> None:
    error = standard_error(score, n_questions, setup)
    assert setup < error <= (0.25 + setup * setup) ** 0.5
    assert error == pytest.approx(standard_error(1 - score, n_questions, setup))
