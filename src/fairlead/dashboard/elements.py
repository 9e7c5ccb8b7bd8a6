"""Elements: the only way from values to HTML and SVG. Text is escaped; scripts, styles, foreign addresses are refused.

`element("p", "5 < 6", class_="soft")`: a `str` is text and never markup; markup comes out of here alone.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

_VOID: Final = frozenset(("br", "hr", "img", "input", "link", "meta", "wbr"))
_ADDRESSES: Final = frozenset(("href", "src", "action", "formaction", "poster", "cite", "data"))
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;"}
_UNSEEN: Final = {
    **{code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"},
    # Bidirectional overrides turn what follows around, far beyond the text that they came in.
    **dict.fromkeys((8206, 8207, 1564, *range(8234, 8239), *range(8294, 8298)), "�"),
    # Half characters cannot be sent.
    **dict.fromkeys(range(55296, 57344), "�"),
}
_TEXT: Final = {**_ESCAPES, **_UNSEEN}


class Markup:
    """Markup that is safe to send: made of elements and escaped text."""

    __slots__ = ("html",)

    def __init__(self, html: str) -> None:
        """For this file alone: elsewhere use `element` and `text`."""
        self.html = html

    def __add__(self, other: "Markup") -> "Markup":
        return Markup(self.html + other.html)


Child: TypeAlias = "Markup | str | int | Iterable[Child] | None"
"""What may stand in an element: a `str` is text."""


def escaped(words: str) -> str:
    """Safe as text and as a quoted attribute's value; what cannot be seen, or turns its surroundings, is shown as �."""
    return words.translate(_TEXT)


def element(tag: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """One element. The last `_` of an attribute's name is dropped, others become `-`; None and False leave it out.

    Raises: ValueError for what no page of ours may hold: it is a bug of the caller.
    """
    if not tag or not _NAME.issuperset(tag) or tag.lower() in ("style", "iframe", "object", "embed", "base"):
        raise ValueError(f"no element is called {tag!r} here")
    if tag == "script" and children:
        raise ValueError("a script comes from its address, never from the page")
    opened = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in _VOID:
        return Markup(opened)
    return Markup(f"{opened}{_inner(children)}</{tag}>")


def text(*children: Child) -> Markup:
    """Children without an element around them."""
    return Markup(_inner(children))


def document(head: Markup, body: Markup) -> bytes:
    """A whole page, as it is sent."""
    page = f'<!doctype html>\n<html lang="en">{head.html}{body.html}</html>\n'
    return page.encode()


def _inner(children: Iterable[Child]) -> str:
    return "".join(map(_one, children))


def _one(child: Child) -> str:
    if isinstance(child, str):
        return escaped(child)
    if isinstance(child, Markup):
        return child.html
    if child is None:
        return ""
    if isinstance(child, int):
        return str(child)
    return _inner(child)


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if not name or not _NAME.issuperset(name) or name.lower().startswith("on") or name in ("style", "srcdoc"):
        raise ValueError(f"no attribute is called {name!r} here")
    if value is True:
        return f" {name}"
    shown = str(value)
    # An address is a path of ours, a part of this page, or a new query of it: never a scheme, never another host.
    if name in _ADDRESSES and (not shown.startswith(("/", "#", "?")) or shown.startswith(("//", "/\\"))):
        raise ValueError(f"{name} must be an address of ours")
    return f' {name}="{escaped(shown)}"'
