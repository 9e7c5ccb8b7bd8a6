from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import ConfigError
from fairlead.settings.sheet import MAX_DEPTH, MAX_TEXT_BYTES, dotted_path, nearest, read_sheet


def values(text: str, **env: str) -> dict[str, Any]:
    return read_sheet(text, env, "f.yaml").values


def fault(text: str, **env: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_sheet(text, env, "f.yaml")
    return caught.value.message


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~"])
def test_a_file_without_values_is_an_empty_configuration(text: str) -> None:
    assert values(text) == {}


def test_scalars_become_what_yaml_says() -> None:
    assert values("a: 1\nb: 2.5\nc: true\nd: text\ne:\nf: '1'\n") == {
        "a": 1, "b": 2.5, "c": True, "d": "text", "e": None, "f": "1"
    }  # fmt: skip


def test_every_key_and_value_knows_its_place() -> None:
    sheet = read_sheet("server:\n  port: 1\nlist:\n  - a\n  - b: 2\n", {}, "f.yaml")
    assert sheet.complaint(("server", "port"), "x", at_key=True) == "f.yaml:2:3: server.port: x"
    assert sheet.complaint(("server", "port"), "x") == "f.yaml:2:9: server.port: x"
    assert sheet.complaint(("list", 1, "b"), "x") == "f.yaml:5:8: list[1].b: x"


def test_a_missing_key_is_placed_at_its_parent() -> None:
    sheet = read_sheet("a:\n  - b: 1\n", {}, "f.yaml")
    assert sheet.complaint(("a", 0, "c"), "this key is missing") == "f.yaml:2:5: a[0].c: this key is missing"


def test_a_variable_is_put_into_a_string() -> None:
    assert values("a: x-${V}-${W}", V="1", W="2") == {"a": "x-1-2"}


def test_a_variable_never_changes_the_structure() -> None:
    hostile = "}\nserver: {host: 0.0.0.0}\n- *x # !!python/object"
    assert values("a: ${V}\nb: 1", V=hostile.replace("\n", " ")) == {"a": hostile.replace("\n", " "), "b": 1}


def test_a_variable_is_not_expanded_twice() -> None:
    assert values("a: ${V}", V="${W}", W="secret") == {"a": "${W}"}


def test_a_default_stands_in_for_a_variable_that_is_missing_or_empty() -> None:
    assert values("a: ${V:-x y}\nb: ${W:-}\nc: ${E:-d}\nd: ${S:-d}", E="", S="set") == {
        "a": "x y", "b": "", "c": "d", "d": "set"
    }  # fmt: skip


def test_two_dollars_write_the_characters_themselves() -> None:
    assert values("a: $${V} costs $5") == {"a": "${V} costs $5"}


def test_a_missing_variable_is_named_with_its_line() -> None:
    assert fault("a: 1\nb: ${MY_KEY}") == (
        "f.yaml:2:4: b: the environment variable MY_KEY is not set: set it (export MY_KEY=…), "
        "or give a default with ${MY_KEY:-…}"
    )


@pytest.mark.parametrize("text", ["a: ${", "a: ${V", "a: ${1V}", "a: ${V-x}", "a: ${}"])
def test_a_broken_variable_is_refused(text: str) -> None:
    assert "f.yaml:1:4: a: `${` begins a variable" in fault(text, V="1")


def test_a_variable_with_a_control_character_is_refused_without_its_value() -> None:
    message = fault("a: ${V}", V="canary\x00canary")
    assert "V holds a control character" in message
    assert "canary" not in message


def test_variables_in_keys_stay_as_they_are() -> None:
    assert values("${V}: 1", V="x") == {"${V}": 1}


def test_what_came_from_the_environment_is_marked() -> None:
    sheet = read_sheet("a: ${V}\nb: ${W:-x}\nc: plain", {"V": "1"}, "f.yaml")
    assert sheet.expanded == {("a",)}


def test_a_duplicate_key_is_refused_at_its_second_place() -> None:
    assert fault("a: 1\nb: 2\na: 3") == "f.yaml:3:1: a: this key stands here twice (first in line 1); keep one"


def test_aliases_and_merges_work_one_level_deep() -> None:
    text = "base: &base {x: 1, y: 2}\nuse:\n  <<: *base\n  y: 3\nlist: [*base]"
    assert values(text) == {"base": {"x": 1, "y": 2}, "use": {"y": 3, "x": 1}, "list": [{"x": 1, "y": 2}]}


def test_a_billion_laughs_are_not_laughed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "values once aliases are expanded" in fault("\n".join(lines))


def test_merged_laughs_are_counted_too() -> None:
    text = "a: &a {k: &b [1, 2, 3, 4, 5, 6, 7, 8, 9]}\nb:\n  - &c {<<: *a}\nd: {<<: [*c]}"
    assert "one level deep" in fault(text)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}"])
def test_an_alias_inside_of_itself_is_refused(text: str) -> None:
    assert "an alias inside of itself" in fault(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{b: " * 50_000, "- " * 50_000])
def test_deep_nesting_is_refused_and_not_walked(text: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in fault(text)


def test_a_file_above_its_cap_is_refused() -> None:
    assert "this is not a configuration" in fault("#" * (MAX_TEXT_BYTES + 1))


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system ['true']", "a: !x 1", "a: !!binary aGk=", "a: !!set {x}", "!y a: 1"]
)
def test_tags_are_refused(text: str) -> None:
    assert "tag" in fault(text)


@pytest.mark.parametrize("text", ["a: 2026-13-45", "a: 0x_", "a: " + "1" * 5_000])
def test_a_scalar_that_python_cannot_hold_is_refused_at_its_place(text: str) -> None:
    assert fault(text).startswith("f.yaml:1:4: a: looks like a number or a date, but is none")


@pytest.mark.parametrize(("text", "words"), [("1: x", "int"), ("no: x", "bool"), ("[a]: x", "text"), ("~: x", "null")])
def test_a_key_that_is_no_text_is_refused(text: str, words: str) -> None:
    assert words in fault(text)
    assert "put it in quotes" in fault(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a:\n\tb: 1", "a tab: indent with spaces"),
        ("a: b: c", "put texts that hold one in quotes"),
        ("a: {p: ${P}}", 'put "${VARIABLE}" in quotes'),
        ("a: 1\n---\nb: 2", "one file holds one configuration"),
        ("a: *b", "there is no anchor of this name"),
        ("a: @x", "this character cannot begin a text"),
    ],
)
def test_a_usual_slip_is_told_with_its_mend(text: str, words: str) -> None:
    assert words in fault(text)


@pytest.mark.parametrize(
    "text", ["a: *canary", "a: &canary 1\nb: &canary", "a: !canary!x 1", "canary: 'x", "a: [canary"]
)
def test_a_parser_complaint_quotes_nothing_of_the_text(text: str) -> None:
    try:
        read_sheet(text, {}, "f.yaml")
    except ConfigError as error:
        assert "canary" not in error.message


@pytest.mark.parametrize("text", ["- a", "text", "3"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert "must hold keys such as `server:`" in fault(text)


def test_keys_with_dots_are_quoted_in_paths() -> None:
    assert dotted_path(("models", "openai/gpt-5.4", "prices", 0)) == 'models."openai/gpt-5.4".prices[0]'


def test_the_nearest_key_is_offered_only_when_near() -> None:
    assert nearest("base_ur", ["base_url", "models"]) == "; did you mean 'base_url'?"
    assert nearest("zzz", ["base_url", "models"]) == ""


@given(st.text(max_size=300))
def test_any_text_gives_values_or_a_config_error(text: str) -> None:
    try:
        sheet = read_sheet(text, {"V": "v"}, "f.yaml")
    except ConfigError as error:
        assert error.message.startswith("f.yaml:")
    else:
        assert isinstance(sheet.values, dict)


YAML_BITS = st.sampled_from(
    ["a", "b", ": ", "\n", "  ", "- ", "{", "}", "[", "]", ", ", "&x ", "*x", "<<: ", "!t ", "|", ">", "'", '"', "#",
     "? ",
     "${V}", "${W:-d}", "---\n", "\t", "1", "~", "2026-01-01", "\\ud800", "\x85", "%YAML 1.1\n", "\x00", "\ud800"]
)  # fmt: skip


@given(st.lists(YAML_BITS, max_size=40).map("".join))
def test_any_heap_of_yaml_signs_gives_values_or_a_config_error(text: str) -> None:
    try:
        read_sheet(text, {"V": "v"}, "f.yaml")
    except ConfigError as error:
        assert error.message.startswith("f.yaml:")
