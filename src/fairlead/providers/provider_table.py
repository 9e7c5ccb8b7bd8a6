"""ProviderTable: one table of `endpoints.toml`, read key by key; every fault names file and key."""

from collections.abc import Collection
from datetime import date
from typing import Any, cast, get_args

from fairlead.domain.errors import ConfigError


class ProviderTable:
    """A table with no key but the known ones."""

    def __init__(self, value: object, where: str, known: Collection[str]) -> None:
        """Raises: ConfigError when it is no table, or holds an unknown key."""
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: a table is missing here")
        self._table = cast("dict[str, Any]", value)
        self._where = where
        for key in self._table:
            if key not in known:
                raise ConfigError(f"{where}.{key}: unknown key; known are {', '.join(sorted(known))}")

    def value(self, key: str) -> object:
        """Whatever stands there; None for nothing."""
        return self._table.get(key)

    def text(self, key: str) -> str | None:
        """A text that is not blank."""
        value = self._table.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        raise self._fault(key, "a text is missing")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; () for none."""
        values = self._table.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
            raise self._fault(key, "a list of texts")
        return tuple(values)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of texts; () for none."""
        values = self._table.get(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) and value for value in values.values()):
            raise self._fault(key, "a table of texts")
        return tuple(values.items())

    def number(self, key: str) -> int | None:
        """A whole number above 0."""
        value = self._table.get(key)
        if value is None or (type(value) is int and value > 0):
            return value
        raise self._fault(key, "a whole number above 0")

    def numbers(self, key: str) -> tuple[tuple[str, int], ...]:
        """A table of whole numbers above 0; () for none."""
        values = self._table.get(key, {})
        if not isinstance(values, dict) or not all(type(value) is int and value > 0 for value in values.values()):
            raise self._fault(key, "a table of whole numbers above 0")
        return tuple(values.items())

    def flag(self, key: str, *, default: bool) -> bool:
        """Yes or no."""
        value = self._table.get(key, default)
        if isinstance(value, bool):
            return value
        raise self._fault(key, "true or false")

    def day(self, key: str, what: str) -> date:
        """A date, which must be there."""
        value = self._table.get(key)
        if type(value) is date:
            return value
        raise self._fault(key, what)

    def one_of(self, key: str, literal: Any, default: str) -> Any:
        """One of the values of a Literal."""
        value = self._table.get(key, default)
        if value not in get_args(literal):
            raise self._fault(key, f"one of {', '.join(get_args(literal))}")
        return value

    def several_of(self, key: str, literal: Any, default: tuple[str, ...]) -> tuple[Any, ...]:
        """A list of different values of a Literal, at least one."""
        values = self._table.get(key, list(default))
        known = get_args(literal)
        if (
            not isinstance(values, list)
            or not values
            or any(value not in known for value in values)
            or len(set(values)) < len(values)
        ):
            raise self._fault(key, f"a list of {', '.join(known)}")
        return tuple(values)

    def _fault(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self._where}.{key}: {what}")
