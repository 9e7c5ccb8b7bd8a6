"""The encoder that the benchmarks of this folder read texts with."""

from fairlead.assembly.shipped import query_encoder
from fairlead.routing.features.query_features import QueryEncoder


def encoder() -> QueryEncoder:
    """The encoder of the shipped router."""
    return query_encoder()
