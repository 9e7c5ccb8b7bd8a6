"""Elements: whatever goes in as text comes out as text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.elements import Markup, document, element, escaped, text

WORDS = st.text(st.characters(blacklist_categories=[]), max_size=60)


class Reading(HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text between."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def read(markup: Markup) -> Reading:
    reading = Reading()
    reading.feed(markup.html)
    reading.close()
    return reading


@given(WORDS, WORDS)
def test_text_and_attributes_come_back_as_they_went_in_and_make_no_tag(words: str, told: str) -> None:
    found = read(element("p", words, title=told))
    assert [tag for tag, _ in found.tags] == ["p"]
    shown = text(words).html
    assert found.words == read(Markup(shown)).words
    assert "<" not in shown and ">" not in shown and '"' not in shown
    element("p", words, title=told).html.encode()  # every half character is gone: it can be sent


@pytest.mark.parametrize(
    "hostile",
    ["<script>x</script>", '"><img src=x onerror=x>', "' onclick='x", "&lt;b&gt;", "</title>", "<!--", "]]>", "\0<b"],
)
def test_what_looks_like_markup_stays_text_everywhere(hostile: str) -> None:
    found = read(element("div", element("b", hostile), hostile, [hostile, (hostile,)], title=hostile, data_x=hostile))
    assert [tag for tag, _ in found.tags] == ["div", "b"]
    attributes = found.tags[0][1]
    assert set(attributes) == {"title", "data-x"}
    assert attributes["title"] == hostile.replace("\0", "\ufffd")


@pytest.mark.parametrize("name", ["onclick", "ONCLICK", "onmouseover", "style", "srcdoc", "a b", "x>y", ""])
def test_attributes_that_run_or_style_cannot_be_written(name: str) -> None:
    with pytest.raises(ValueError, match="attribute"):
        element("p", **{name: "x"})


@pytest.mark.parametrize("tag", ["style", "iframe", "object", "base", "p onclick", "", "a/b", "STYLE"])
def test_elements_that_load_or_style_cannot_be_made(tag: str) -> None:
    with pytest.raises(ValueError, match="element"):
        element(tag)


def test_a_script_has_no_text_of_its_own() -> None:
    with pytest.raises(ValueError, match="script"):
        element("script", "alert(1)")


@pytest.mark.parametrize(
    "address", ["javascript:x", "https://evil.example", "//evil.example", "/\\evil.example", "data:x", "ui", " /ui", ""]
)
def test_a_link_leads_to_no_other_place(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        element("a", "x", href=address)


def test_what_turns_or_hides_its_surroundings_is_shown_as_a_sign() -> None:
    assert escaped("a\u202eb\u2066c\0d\ud800") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert escaped("👩‍👧 ok\n") == "👩‍👧 ok\n"


def test_a_whole_page_says_its_kind_and_language() -> None:
    page = document(element("head"), element("body", "<x>"))
    assert page.startswith(b'<!doctype html>\n<html lang="en">')
    assert b"&lt;x&gt;" in page


def test_what_is_false_or_unknown_is_left_out() -> None:
    assert (
        element("input", disabled=True, checked=False, title=None, maxlength=5).html == '<input disabled maxlength="5">'
    )
    assert element("p", None, 5, "a", [None, "b"]).html == "<p>5ab</p>"
