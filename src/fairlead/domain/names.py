"""The identities of the house: one name for one thing.

Three of them are names of a model and are never confused: the model that was *asked*, the one that was *sent* upstream,
and the one that the reply says has *served*.
"""

from typing import NewType

AskedModel = NewType("AskedModel", str)
"""The `model` of the client's request: a virtual name (`auto:cost`), a catalogue id, or an alias."""

ModelId = NewType("ModelId", str)
"""The catalogue's name of a set of weights: `lab/model`, lower case, whoever serves it."""

SentModel = NewType("SentModel", str)
"""The name that an upstream knows the model by."""

UpstreamName = NewType("UpstreamName", str)
"""The operator's name of one live endpoint."""

ProviderName = NewType("ProviderName", str)
"""Who runs the endpoint: a slug such as `groq`; `local` for one's own servers."""

TenantName = NewType("TenantName", str)
"""Whose traffic, whose data."""

DecisionId = NewType("DecisionId", str)
"""One decision, quoted in a reply header."""
