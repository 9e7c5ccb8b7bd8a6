"""The features that the text model is fitted on, block by block, and the way from fitted coefficients to a reader.

Blocks: word pieces (there or not, weighed by rarity), the kernel at the landmarks (Nystroem's columns), meaning, shape;
and hashed n-grams, which the others are compared with but which are not shipped. Landmarks are centroids of k-means
clusters; a cluster of few questions has none, so that none stands for a text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from fairlead.domain.outline import outline_of_text
from fairlead.evaluation.block_rows import Block, BlockRows
from fairlead.evaluation.prompt_corpus import Corpus
from fairlead.routing.features.query_features import QueryEncoder, text_of
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.modelmap.benchmark_scale import Anchor
from fairlead.routing.predictors.cluster_table import half_squares_of, k_means, nearest
from fairlead.routing.predictors.kernel_basis import likeness, scale_meaning, scale_shape
from fairlead.routing.predictors.prompt_reader import MAX_TABLE_VALUE, Landmarks, PromptReader

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

N_CLUSTERS: Final = 256
"""384 and 512 change the held-out errors by less than one per cent, up or down."""
SEED_CLUSTERS_SHARE: Final = 0.25
"""Of the clusters; the seed prompts are 6 % of the rows and speak for all chat."""
MIN_CLUSTER_QUESTIONS: Final = 8
"""A centroid of fewer different questions is no landmark."""
SHAPE_IN_CLUSTERS: Final = 0.1
CLUSTER_SEED: Final = 0
MIN_DOCUMENTS: Final = 2
"""What a single row holds says nothing of others."""
RARITY_POWER: Final = 0.5
"""Columns are weighed by the root of their inverse document frequency: between plain counts and full weighting, which
were each a little worse on held-out difficulty."""
PIECE_SCALE: Final = 0.25
GRAM_SCALE: Final = 0.5
MEANING_SCALE: Final = 0.5
SHAPE_SCALE: Final = 0.09
"""Sizes of the blocks beside the kernel's: a flat optimum of held-out errors (factors of 0.7 to 1.5 change them by less
than 3 %)."""
_SMALLEST_SHARE: Final = 1e-4
"""Directions of the landmarks' own kernel below this share of the largest one are noise."""
_SMALLEST_SD: Final = 0.05

BLOCKS: Final = ("pieces", "kernel", "meaning", "shape")
"""Those that are shipped, in the order of the coefficients."""


@dataclass(frozen=True, slots=True)
class Design:
    """Rows as the fits see them, and the way back to the reader's units.

    Shapes: blocks by name, each (n, its width); root (n_landmarks, width of the kernel's block); rarity (n_pieces,).
    """

    landmarks: Landmarks
    root: Floats
    rarity: Floats
    blocks: Mapping[str, Block]

    def rows(self, names: Sequence[str] = BLOCKS) -> BlockRows:
        """The rows of these blocks."""
        return BlockRows([self.blocks[name] for name in names])


def build_design(corpus: Corpus, table: StaticTable) -> Design:
    """The features of all rows of a corpus, and landmarks among them."""
    features = QueryEncoder(table).encode_all([outline_of_text(text) for text in corpus.texts])
    pieces = [table.look_up(text_of(outline_of_text(text))[0])[1] for text in corpus.texts]
    centre, mean = features.dense.mean(axis=0), features.shape.mean(axis=0)
    sd = np.maximum(features.shape.std(axis=0), np.float32(_SMALLEST_SD))
    meaning, shape = scale_meaning(features.dense, centre), scale_shape(features.shape, mean, sd)
    landmarks = Landmarks(centre, mean, sd, *_centroids(corpus, meaning, shape))
    root = _root_of(landmarks)
    alike = likeness(meaning, shape, landmarks.meaning, landmarks.shape, landmarks.squares)
    ends = np.cumsum([len(numbers) for numbers in pieces])
    held, rarity = _presence(np.concatenate(pieces), ends, len(table.rows), PIECE_SCALE)
    blocks: dict[str, Block] = {
        "pieces": held,
        "kernel": alike @ root.astype(np.float32),
        "meaning": meaning * np.float32(MEANING_SCALE),
        "shape": shape * np.float32(SHAPE_SCALE),
        "n-grams": _presence(features.buckets, features.starts[1:], N_BUCKETS, GRAM_SCALE)[0],
    }
    return Design(landmarks, root, rarity, blocks)


def quantised_reader(
    design: Design,
    table: StaticTable,
    coefficients: Floats,
    intercepts: Floats,
    sds: tuple[float, float],
    anchors: Mapping[str, Anchor],
) -> PromptReader:
    """The reader of fitted coefficients.

    Shapes: coefficients (d, n_heads) in the order of BLOCKS; intercepts (n_heads,).
    """
    ends = np.cumsum([design.blocks[name].shape[1] for name in BLOCKS])
    of_pieces, of_kernel, of_meaning, of_shape = np.split(coefficients, ends[:-1])
    weights = of_pieces * (design.rarity * PIECE_SCALE)[:, None]
    # Steps of a short decimal form: the last bits of a sum must not show in the file.
    steps = np.array([float(f"{step:.6g}") for step in np.abs(weights).max(axis=0) / MAX_TABLE_VALUE])
    whole = np.rint(weights / np.maximum(steps, 1e-12))
    columns = np.concatenate((design.root @ of_kernel, of_meaning * MEANING_SCALE, of_shape * SHAPE_SCALE))
    return PromptReader(
        table=table,
        landmarks=design.landmarks,
        column_weights=columns.astype(np.float32),
        piece_table=np.clip(whole, -MAX_TABLE_VALUE, MAX_TABLE_VALUE).astype(np.int16),
        piece_steps=steps,
        intercepts=np.round(intercepts, 6),
        difficulty_sd=round(sds[0], 4),
        log_tokens_sd=round(sds[1], 4),
        anchors=anchors,
    )


def _presence(found: NDArray[Any], ends: NDArray[np.int64], n_columns: int, scale: float) -> tuple[csr_matrix, Floats]:
    """Which pieces or n-grams each row holds, weighed by rarity and over the root of their number; each one's rarity.

    Shapes: found (n_held,), row by row without repeats; ends (n,), where each row ends -> (n, n_columns), (n_columns,).
    """
    starts = np.concatenate(([0], ends))
    lengths, n = np.diff(starts), len(ends)
    n_documents = np.bincount(found, minlength=n_columns)
    rarity = np.log((1 + n) / (1 + n_documents)) ** RARITY_POWER
    rarity[n_documents < MIN_DOCUMENTS] = 0.0
    values = np.repeat(scale / np.sqrt(np.maximum(lengths, 1)), lengths) * rarity[found]
    parts = (values.astype(np.float32), found.astype(np.int32), starts)
    return csr_matrix(parts, shape=(n, n_columns)), rarity


def _centroids(corpus: Corpus, meaning: Singles, shape: Singles) -> tuple[Singles, Singles]:
    """Centroids of outcomes' questions and of seed prompts: directions in meaning (m, n_dims), shapes (m, n_shape)."""
    points = np.hstack((meaning, np.float32(SHAPE_IN_CLUSTERS) * shape))
    groups = np.array(corpus.groups)
    found = []
    for members, share in ((~corpus.is_seed, 1.0 - SEED_CLUSTERS_SHARE), (corpus.is_seed, SEED_CLUSTERS_SHARE)):
        if members.any():
            found.append(_large_clusters(points[members], groups[members], round(N_CLUSTERS * share)))
    centroids = np.concatenate(found)
    n_dims = meaning.shape[1]
    directions = centroids[:, :n_dims]
    lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-6)
    return (directions / lengths).astype(np.float32), (centroids[:, n_dims:] / SHAPE_IN_CLUSTERS).astype(np.float32)


def _large_clusters(points: Singles, groups: NDArray[np.str_], n_clusters: int) -> Singles:
    """The centroids of the clusters that hold enough different questions; the mean of all if none does."""
    centroids = k_means(points, max(1, min(n_clusters, len(points) // MIN_CLUSTER_QUESTIONS)), CLUSTER_SEED)
    at = nearest(points, centroids, half_squares_of(centroids))
    # Means once more: the last step of k-means may have moved a question away from the centroid that it was part of.
    kept = [
        points[at == cluster].mean(axis=0)
        for cluster in range(len(centroids))
        if len(np.unique(groups[at == cluster])) >= MIN_CLUSTER_QUESTIONS
    ]
    return np.array(kept or [points.mean(axis=0)], dtype=np.float32)


def _root_of(landmarks: Landmarks) -> Floats:
    """What turns likeness to the landmarks into columns on which a plain ridge is a ridge in the kernel's own norm."""
    own = likeness(landmarks.meaning, landmarks.shape, landmarks.meaning, landmarks.shape, landmarks.squares)
    values, vectors = np.linalg.eigh((own + own.T).astype(np.float64) / 2.0)
    keep = values > _SMALLEST_SHARE * values[-1]
    root: Floats = vectors[:, keep] / np.sqrt(values[keep])
    return root
