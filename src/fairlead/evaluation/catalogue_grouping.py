"""Grouping: listings of the same weights, whoever serves them, by the normal form of their names.

Conservative: two listings meet only if their names are equal after what each host is known to add has gone, or if
`catalogue_names.toml` says so. Anything else stays apart or is left out.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fairlead.catalogue.matching import normalised
from fairlead.evaluation.catalogue_sources import Listing

_BEDROCK: Final = re.compile(r"^((us|eu|global|au|jp|apac|ca|us-gov)\.)?([a-z0-9]+)\.(?=[a-z])")
_BEDROCK_VERSION: Final = re.compile(r"(-v\d+)?(:\d+)?$")
_SNAPSHOT: Final = re.compile(r"^(claude-[a-z0-9.-]+?)-20\d{6}$")
_QUANTISED: Final = re.compile(r"-(turbo|tput)$", re.IGNORECASE)
_QUANTISING_HOSTS: Final = frozenset({"together", "deepinfra"})


class Names:
    """The decisions of `catalogue_names.toml`, ready to ask."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.labs: Mapping[str, Mapping[str, Any]] = tables["labs"]
        self.same: dict[str, str] = dict(tables["same"])
        self.sent: dict[str, str] = dict(tables["sent"])
        self._skip_sent = re.compile(tables["skip"]["sent"])
        self._skip_form = re.compile(tables["skip"]["form"])
        self._keep_form = re.compile(tables["skip"]["keep"])
        self._orgs: dict[str, str] = {org: lab for lab, table in self.labs.items() for org in table["orgs"]}
        self._patterns: list[tuple[str, re.Pattern[str]]] = [
            (lab, re.compile(table["pattern"])) for lab, table in self.labs.items()
        ]

    def form_of(self, provider: str, sent: str) -> str | None:
        """The normal form of the weights behind a provider's name; None when it is not a chat model of its own."""
        special = self.sent.get(f"{provider}/{sent}")
        if special is not None:
            return special or None
        if self._skip_sent.search(sent.lower()):
            return None
        form: str = normalised(unhosted(provider, sent))
        form = self.same.get(form, form)
        if self._skip_form.search(form) and not self._keep_form.search(form):
            return None
        return form or None

    def lab_of(self, provider: str, sent: str, form: str) -> str | None:
        """The lab that made the weights: by the pattern of the name, else by the organisation that the host names."""
        for lab, pattern in self._patterns:
            if pattern.match(form):
                return lab
        org = sent.lower().rpartition("/")[0].rpartition("/")[2]
        if org in self._orgs:
            return self._orgs[org]
        return provider if provider in self.labs and provider not in _NOT_LABS else None


_NOT_LABS: Final = frozenset({"amazon", "perplexity"})


def unhosted(provider: str, sent: str) -> str:
    """A provider's name of a model without what the host adds: regions, vendors, API versions, number formats."""
    name = sent.lower()
    if provider == "amazon-bedrock":
        name = _BEDROCK_VERSION.sub("", _BEDROCK.sub("", name))
    elif provider == "fireworks":
        name = re.sub(r"(\d)p(\d)", r"\1.\2", name.rpartition("/")[2])
    elif provider == "google-vertex":
        name = name.partition("@")[0].removesuffix("-maas")
    elif provider in ("azure", "cerebras"):
        name = re.sub(r"^(cohere|zai)-", "", name.rpartition("/")[2])
        name = re.sub(r"^(qwen)-(\d)", r"\1\2", name)
    if provider in _QUANTISING_HOSTS:
        name = _QUANTISED.sub("", name)
    if "chat-latest" in name:
        name = name.removesuffix("-latest")
    return _SNAPSHOT.sub(r"\1", name.rpartition("/")[2])


def grouped(listings: Iterable[Listing], names: Names) -> dict[tuple[str, str], list[Listing]]:
    """(lab, normal form) -> its listings, in the order of the lists."""
    groups: dict[tuple[str, str], list[Listing]] = {}
    for listing in listings:
        form = names.form_of(listing.provider, listing.sent)
        lab = None if form is None else names.lab_of(listing.provider, listing.sent, form)
        if form is not None and lab is not None:
            groups.setdefault((lab, form), []).append(listing)
    return groups
