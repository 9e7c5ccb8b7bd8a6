"""The YAML of a configuration: text -> plain values that know their line and column; ${VAR} from the environment.

Law: parsing cannot run code, blow up, or let a variable's value change the structure. Variables are put in *after* the
text has become values, and only into strings. No message ever quotes a value, only keys: a value may be a credential.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias, cast

import yaml

from fairlead.domain.errors import ConfigError

Path: TypeAlias = tuple[str | int, ...]

MAX_TEXT_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 32
MAX_COMPLAINTS: Final = 8
MAX_VALUES: Final = 50_000
"""After aliases are expanded: nine lines of nested aliases can stand for a billion values."""

_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")
)
_MAPPING_TAG: Final = "tag:yaml.org,2002:map"
_SEQUENCE_TAG: Final = "tag:yaml.org,2002:seq"
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_VARIABLE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|(?P<broken>\$\{)")
_UNWANTED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands. Lines and columns count from 1."""

    line: int
    column: int


class PlacedError(ConfigError):
    """A fault that knows its line and column, so that all of a file can be told in its order."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class Sheet:
    """A configuration as plain values, with the place of every key and value, and what was found wrong so far."""

    file: str
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    keys: dict[Path, Place] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    expanded: set[Path] = field(default_factory=set)
    """Strings that hold something from the environment."""
    faults: list[tuple[tuple[int, int], str]] = field(default_factory=list)
    """Line, column and complaint of each that was noted."""

    def complaint(self, path: Path, what: str, *, at_key: bool = False) -> str:
        """`file:line:column: key.path: what`, for the nearest place that is known."""
        return self.placed(self._nearest_place(path, at_key), path, what).message

    def spot(self, path: Path, *, at_key: bool = True) -> str:
        """`file:line:column` of a key or value, or of the nearest that is known."""
        place = self._nearest_place(path, at_key)
        return f"{self.file}:{place.line}:{place.column}"

    def _nearest_place(self, path: Path, at_key: bool) -> Place:
        known = path
        own = self.keys if at_key else self.places
        while known and known not in own and known not in self.keys:
            known = known[:-1]
        return own.get(known) or self.keys.get(known) or Place(1, 1)

    def place_of(self, path: Path) -> tuple[int, int]:
        """Line and column of a key, or of the nearest that is known, for sorting."""
        place = self._nearest_place(path, at_key=True)
        return place.line, place.column

    def refuse(self, path: Path, what: str, *, at_key: bool = False) -> NoReturn:
        """Raises the ConfigError of this complaint."""
        raise self.placed(self._nearest_place(path, at_key), path, what)

    def placed(self, place: Place, path: Path, what: str) -> PlacedError:
        """The error of a complaint at this place."""
        dotted = dotted_path(path)
        spot = f"{self.file}:{place.line}:{place.column}"
        return PlacedError(f"{spot}: {dotted + ': ' if dotted else ''}{what}", place)

    def note(self, place: tuple[int, int], complaint: str) -> None:
        """Keeps a complaint until `tell`."""
        self.faults.append((place, complaint))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """What is refused inside is noted, and the reading goes on behind it."""
        try:
            yield
        except PlacedError as error:
            self.note((error.place.line, error.place.column), error.message)

    def tell(self) -> None:
        """Raises one ConfigError of all that was noted, in the order of the file; does nothing without any."""
        lines = list(dict.fromkeys(complaint for _, complaint in sorted(self.faults)))
        if len(lines) > MAX_COMPLAINTS:
            lines[MAX_COMPLAINTS:] = [f"… and {len(lines) - MAX_COMPLAINTS} more"]
        if lines:
            raise ConfigError("\n".join(lines))


def dotted_path(path: Path) -> str:
    """`keys[0].name`; a key that is itself dotted is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = f'"{part}"' if "." in part else part
            text += f".{shown}" if text else shown
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when nothing is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


def read_sheet(text: str, env: Mapping[str, str], file: str) -> Sheet:
    """The values of one YAML text, with variables put in.

    Raises: ConfigError with file, line, column and mend.
    """
    sheet = Sheet(file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise ConfigError(f"{file}: larger than {MAX_TEXT_BYTES:,} bytes: this is not a configuration")
    node = _compose(text, file)
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return sheet
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            f"{file}:1:1: the file must hold keys such as `server:` and `upstreams:`, not a list or a text"
        )
    with sheet.going_on():
        sheet.values = cast("dict[str, Any]", _Reader(sheet, env).value(node, ()))
    sheet.tell()
    return sheet


class _Loader(yaml.SafeLoader):
    """The safe loader, which gives up before the interpreter's stack does."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in the stubs
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _compose(text: str, file: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise ConfigError(f"{file}:{place}: not YAML: {_yaml_fault(error.problem or '')}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{file}:{line}:1: holds a character that YAML does not allow") from None
    except (ValueError, OverflowError, RecursionError):
        raise ConfigError(f"{file}:1:1: not YAML: an escape or number that means no character or value") from None


def _yaml_fault(problem: str) -> str:
    """The parser's words with a mend; those that would quote a name out of the text are put otherwise."""
    for beginning, words in _YAML_FAULTS.items():
        if problem.startswith(beginning):
            return words
    return problem or "it cannot be read"


_YAML_FAULTS: Final = {
    "found undefined alias": "`*` begins an alias, and there is no anchor of this name: put texts with `*` in quotes",
    "found duplicate anchor": "this anchor stands here twice",
    "found undefined tag": "`!` begins a tag, which is not used here: put texts with `!` in quotes",
    "found character '\\t'": "a tab: indent with spaces",
    "found character": "this character cannot begin a text: put it in quotes",
    "mapping values are not allowed": "a second ': ' in a line: put texts that hold one in quotes, or indent",
    "expected ',' or": "expected ',' or a closing bracket: inside of { } and [ ] put \"${VARIABLE}\" in quotes",
    "but found another document": "a second document: one file holds one configuration, so remove the `---` between",
    "could not find expected ':'": "a key without ':': write `key: value`",
}
"""How the parser's complaints begin, and what we say."""


class _Reader:
    """Turns nodes into values; keeps count and places."""

    def __init__(self, sheet: Sheet, env: Mapping[str, str]) -> None:
        self.sheet = sheet
        self.env = env
        self.n_values = 0
        self.constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path) -> object:
        self.n_values += 1
        self.sheet.places.setdefault(path, _place(node))
        if self.n_values > MAX_VALUES:
            self.sheet.refuse(path, f"more than {MAX_VALUES:,} values once aliases are expanded")
        if len(path) > MAX_DEPTH:
            self.sheet.refuse(path[:4], f"nested deeper than {MAX_DEPTH} levels, or an alias inside of itself")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != _SEQUENCE_TAG:
                self.sheet.refuse(path, "YAML tags are not used here: remove the '!…'")
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(cast("yaml.ScalarNode", node), path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        if node.tag != _MAPPING_TAG:
            self.sheet.refuse(path, "YAML tags are not used here: remove the '!…'")
        found: dict[str, object] = {}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                merged.extend(self.merged_pairs(value_node, path))
                continue
            key = self.key(key_node, path)
            if key in found:
                first = self.sheet.keys[(*path, key)]
                what = f"this key stands here twice (first in line {first.line}); keep one"
                place = _place(key_node)
                raise self.sheet.placed(place, (*path, key), what)
            self.sheet.keys[(*path, key)] = _place(key_node)
            found[key] = self.value(value_node, (*path, key))
        for key_node, value_node in merged:
            key = self.key(key_node, path)
            if key not in found:
                self.sheet.keys[(*path, key)] = _place(key_node)
                found[key] = self.value(value_node, (*path, key))
        return found

    def merged_pairs(self, node: yaml.Node, path: Path) -> list[tuple[yaml.Node, yaml.Node]]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for source in sources:
            self.n_values += 1
            if not isinstance(source, yaml.MappingNode) or any(key.tag == _MERGE_TAG for key, _ in source.value):
                self.sheet.refuse(path, "`<<` takes an alias of a mapping, such as `<<: *defaults`, one level deep")
            pairs.extend(source.value)
        return pairs

    def key(self, node: yaml.Node, path: Path) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            read_as = node.tag.removeprefix("tag:yaml.org,2002:")
            what = "a key must be a text: put it in quotes"
            if node.tag in _PLAIN_TAGS:
                what = f"a key must be a text (YAML reads this one as {read_as}): put it in quotes"
            elif read_as == node.tag:
                what = "YAML tags are not used here: remove the '!…'"
            place = _place(node)
            raise self.sheet.placed(place, path, what)
        if _UNWANTED.search(node.value) or "\n" in node.value or not node.value or len(node.value) > 200:
            self.sheet.refuse(path, "a key must be a text of 1 to 200 printable characters")
        return cast("str", node.value)

    def scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        if node.tag not in _PLAIN_TAGS:
            self.sheet.refuse(path, "YAML tags are not used here: remove the '!…'")
        if node.tag == "tag:yaml.org,2002:str":
            if _UNWANTED.search(node.value):
                self.sheet.refuse(path, "holds a control character")
            text = ""  # for one that is refused: `read_sheet` tells why, and nobody reads it
            with self.sheet.going_on():
                text = self.expand(node.value, path)
            return text
        try:
            return self.constructor.construct_object(node)
        except (ValueError, OverflowError, TypeError, AttributeError, yaml.YAMLError):
            self.sheet.refuse(path, "looks like a number or a date, but is none: put it in quotes")

    def expand(self, text: str, path: Path) -> str:
        if "$" not in text:
            return text

        def put_in(match: re.Match[str]) -> str:
            if match.group() == "$${":
                return "${"
            if match["broken"]:
                self.sheet.refuse(
                    path, "`${` begins a variable such as ${MY_KEY}; write `$${` for the characters themselves"
                )
            name, default = match["name"], match["default"]
            value = self.env.get(name)
            if not value and default is not None:
                return default[2:]
            if value is None:
                self.sheet.refuse(
                    path,
                    f"the environment variable {name} is not set: set it (export {name}=…), "
                    f"or give a default with ${{{name}:-…}}",
                )
            if _UNWANTED.search(value):
                self.sheet.refuse(path, f"the environment variable {name} holds a control character")
            self.sheet.expanded.add(path)
            return value

        return _VARIABLE.sub(put_in, text)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
