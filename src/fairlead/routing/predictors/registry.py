"""The parts that a router can be stacked from. A new one is its file and one line here."""

from collections.abc import Mapping
from typing import Final

from fairlead.routing.predictors.cluster_committee import ClusterCommittee
from fairlead.routing.predictors.cluster_table import ClusterTable
from fairlead.routing.predictors.item_response import ItemResponse
from fairlead.routing.predictors.kernel_ridge import KernelRidge
from fairlead.routing.predictors.linear import Linear
from fairlead.routing.predictors.neighbours import Neighbours
from fairlead.routing.predictors.part import Part

PARTS: Final[Mapping[str, type[Part]]] = {
    "kernel_ridge": KernelRidge,
    "item_response": ItemResponse,
    "linear": Linear,
    "cluster_table": ClusterTable,
    "cluster_committee": ClusterCommittee,
    "neighbours": Neighbours,
}
