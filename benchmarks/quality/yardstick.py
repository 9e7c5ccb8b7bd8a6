"""The yardstick's stack in numpy and scipy: TF-IDF directions, clusters, neighbours, a ridge and a kernel on words.

What the project's reference script does with scikit-learn (rough parts, averaged), so that a benchmark can run it
beside ours on the same split. The same hash of words and the same randomised decomposition; only the starts of the
clusters differ, and the kernel's penalty is chosen in single precision.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS: Final = ("clusters", "knn50", "ridge", "ngram_krr")
N_BUCKETS: Final = 2**16
N_DIRECTIONS: Final = 256
MAX_CHARS: Final = 4_000
MAX_KERNEL_QUERIES: Final = 5_000
MAX_CLUSTERS: Final = 32
N_NEIGHBOURS: Final = 50
GROUP_WEIGHT: Final = 10.0
RIDGE_PENALTIES: Final = (30.0, 100.0, 300.0, 1000.0, 3000.0)
KERNEL_PENALTIES: Final = (0.1, 0.3, 1.0, 3.0)
N_FOLDS: Final = 4
_WORD: Final = re.compile(r"\b\w\w+\b")


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as the yardstick reads them, before any outcome.

    Shapes: words (n, N_BUCKETS), unit rows; directions (n, N_DIRECTIONS), unit rows; surface (n, 9).
    """

    words: sparse.csr_matrix
    directions: Floats
    surface: Floats


def read_texts(texts: Sequence[str], train: Ints) -> Texts:
    """Texts with their directions from the training texts, of which no outcome is used."""
    words = _word_counts([text[:MAX_CHARS] for text in texts])
    seen = np.asarray((words[train] > 0).sum(axis=0)).ravel()
    rarity = np.log((1.0 + len(train)) / (1.0 + seen)) + 1.0
    weighted = _unit_rows(words @ sparse.diags(rarity)).tocsr()
    right = _right_vectors(weighted[train], min(N_DIRECTIONS, len(train) - 1))
    directions = np.asarray(weighted @ right.T)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9
    return Texts(words, directions, np.array([_surface(text) for text in texts]))


def predict_parts(texts: Texts, scores: Floats, train: Ints, test: Ints) -> dict[str, Floats]:
    """Expected scores (n_test, m) of every part and of their mean, "stack". Shapes: scores (n, m) complete."""
    answers = scores[train]
    own, other = texts.directions[train], texts.directions[test]
    at, centroids = _k_means(own, min(MAX_CLUSTERS, len(train) // 8 + 1))
    found = {
        "clusters": _table(at, answers, _nearest(other, centroids)),
        "knn50": _neighbours(own, answers, other),
    }
    mean, sd = texts.surface[train].mean(axis=0), texts.surface[train].std(axis=0) + 1e-6
    scaled = np.hstack([texts.directions * np.sqrt(texts.directions.shape[1]), (texts.surface - mean) / sd])
    found["ridge"] = _ridge(scaled[train], answers, scaled[test])
    drawn = train
    if len(train) > MAX_KERNEL_QUERIES:
        drawn = np.random.default_rng(0).permutation(train)[:MAX_KERNEL_QUERIES]
    found["ngram_krr"] = _kernel_ridge(texts.words[drawn], scores[drawn], texts.words[test])
    found["stack"] = np.mean([found[part] for part in PARTS], axis=0)
    return found


def _word_counts(texts: Sequence[str]) -> sparse.csr_matrix:
    starts, buckets = [0], []
    codes: dict[str, int] = {}
    for text in texts:
        words = _WORD.findall(text.lower())
        grams = [*words, *(f"{one} {other}" for one, other in pairwise(words))]
        for gram in grams:
            code = codes.get(gram)
            if code is None:
                code = codes[gram] = _bucket(gram.encode())
            buckets.append(code)
        starts.append(len(buckets))
    matrix = sparse.csr_matrix((np.ones(len(buckets)), np.array(buckets), np.array(starts)), (len(texts), N_BUCKETS))
    matrix.sum_duplicates()
    return _unit_rows(matrix)


def _bucket(data: bytes) -> int:
    """MurmurHash3 x86 32-bit with seed 0, its size as a signed number, modulo the buckets."""
    mask, h = 0xFFFFFFFF, 0
    whole = len(data) // 4 * 4
    blocks = [data[at : at + 4] for at in range(0, whole, 4)]
    for block in [*blocks, data[whole:]]:
        k = int.from_bytes(block, "little") * 0xCC9E2D51 & mask
        k = (k << 15 | k >> 17) & mask
        h ^= k * 0x1B873593 & mask
        if len(block) == 4:
            h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & mask
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & mask
    h = (h ^ h >> 13) * 0xC2B2AE35 & mask
    h ^= h >> 16
    return (h if h < 1 << 31 else (1 << 32) - h) % N_BUCKETS


def _right_vectors(matrix: sparse.csr_matrix, n: int) -> Floats:
    """Leading right singular vectors (n, n_columns) by randomised power iteration, three rounds (Halko et al. 2011)."""
    turned = matrix.shape[0] < matrix.shape[1]
    tall = (matrix.T if turned else matrix).tocsr()
    wide = tall.T.tocsr()
    # The legacy generator: the reference's numbers.
    basis = np.random.RandomState(0).normal(size=(tall.shape[1], n + 10))
    for _ in range(3):
        basis = linalg.lu(tall @ basis, permute_l=True, check_finite=False)[0]
        basis = linalg.lu(wide @ basis, permute_l=True, check_finite=False)[0]
    basis = linalg.qr(tall @ basis, mode="economic", check_finite=False)[0]
    left, _, right = linalg.svd(np.asarray((wide @ basis).T), full_matrices=False, check_finite=False)
    found = (basis @ left).T if turned else right
    return np.asarray(found[:n])


def _unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.maximum(length, 1e-12)) @ matrix


def _surface(text: str) -> list[float]:
    n = len(text)
    return [
        np.log1p(n), np.log1p(len(text.split())), sum(mark.isdigit() for mark in text) / (n + 1),
        sum(ord(mark) > 127 for mark in text) / (n + 1), text.count("\n") * 10 / (n + 1),
        sum(mark in "{}()[]<>=+-*/\\$_^" for mark in text) / (n + 1), float("```" in text), float("?" in text),
        np.log1p(text.count("\n")),
    ]  # fmt: skip


def _nearest(points: Floats, centroids: Floats) -> Ints:
    half = (centroids**2).sum(axis=1) / 2.0
    return np.asarray((points @ centroids.T - half).argmax(axis=1), dtype=np.int64)


def _k_means(points: Floats, n_clusters: int) -> tuple[Ints, Floats]:
    """The better of two runs from k-means++ starts."""
    best: tuple[float, Ints, Floats] | None = None
    squares = (points**2).sum(axis=1)
    for seed in range(2):
        draw = np.random.default_rng(seed)
        centroids = points[draw.integers(len(points))][None]
        far = np.maximum(squares + (centroids**2).sum() - 2 * points @ centroids[0], 0.0)
        while len(centroids) < n_clusters:
            new = points[draw.choice(len(points), p=far / far.sum())]
            centroids = np.vstack([centroids, new])
            far = np.minimum(far, np.maximum(squares + new @ new - 2 * points @ new, 0.0))
        for _ in range(100):
            at = _nearest(points, centroids)
            moved = centroids.copy()
            for cluster in range(n_clusters):
                if (at == cluster).any():
                    moved[cluster] = points[at == cluster].mean(axis=0)
            if np.abs(moved - centroids).max() < 1e-6:
                break
            centroids = moved
        at = _nearest(points, centroids)
        loss = float(((points - centroids[at]) ** 2).sum())
        if best is None or loss < best[0]:
            best = loss, at, centroids
    assert best is not None
    return best[1], best[2]


def _table(groups: Ints, scores: Floats, test_groups: Ints) -> Floats:
    """Mean per group, shrunk to the overall mean with the weight of so many observations."""
    mean = scores.mean(axis=0)
    means = np.tile(mean, (int(max(groups.max(), test_groups.max())) + 1, 1))
    for group in set(groups.tolist()):
        inside = groups == group
        means[group] = (scores[inside].sum(axis=0) + GROUP_WEIGHT * mean) / (inside.sum() + GROUP_WEIGHT)
    return np.asarray(means[test_groups])


def _neighbours(own: Floats, scores: Floats, other: Floats) -> Floats:
    k = min(N_NEIGHBOURS, len(own))
    found = np.empty((len(other), scores.shape[1]))
    for at in range(0, len(other), 512):
        near = other[at : at + 512] @ own.T
        places = np.argpartition(-near, k - 1, axis=1)[:, :k]
        weights = np.take_along_axis(near, places, axis=1)
        weights = np.exp((weights - weights.max(axis=1, keepdims=True)) / 0.1)
        weights /= weights.sum(axis=1, keepdims=True)
        found[at : at + 512] = np.einsum("nk,nkm->nm", weights, scores[places])
    return found


def _ridge(own: Floats, scores: Floats, other: Floats) -> Floats:
    fold = np.random.default_rng(0).integers(0, N_FOLDS, len(own))
    eye = np.eye(own.shape[1])

    def weights(rows: NDArray[np.bool_], penalty: float) -> tuple[Floats, Floats]:
        x, y = own[rows], scores[rows]
        mean = y.mean(axis=0)
        return linalg.solve(x.T @ x + penalty * eye, x.T @ (y - mean), assume_a="pos"), mean

    def loss(penalty: float) -> float:
        total = 0.0
        for k in range(N_FOLDS):
            w, mean = weights(fold != k, penalty)
            total += float(((own[fold == k] @ w + mean - scores[fold == k]) ** 2).sum())
        return total

    w, mean = weights(np.ones(len(own), dtype=np.bool_), min(RIDGE_PENALTIES, key=loss))
    return np.asarray(other @ w + mean)


def _kernel_ridge(own: sparse.csr_matrix, scores: Floats, other: sparse.csr_matrix) -> Floats:
    gram, cross, mean = (own @ own.T).toarray(), (other @ own.T).toarray(), scores.mean(axis=0)
    fold = np.random.default_rng(0).integers(0, N_FOLDS, len(scores))

    def solved(square: NDArray[np.floating], penalty: float, target: Floats) -> NDArray[np.floating]:
        square = square.copy()
        square[np.diag_indices_from(square)] += penalty
        return np.asarray(linalg.solve(square, target, assume_a="pos", overwrite_a=True, check_finite=False))

    loss = np.zeros(len(KERNEL_PENALTIES))
    for k in range(N_FOLDS):
        a, b = fold != k, fold == k
        centre = scores[a].mean(axis=0)
        inside, between = gram[np.ix_(a, a)].astype(np.float32), gram[np.ix_(b, a)]
        for at, penalty in enumerate(KERNEL_PENALTIES):
            alpha = solved(inside, penalty, (scores[a] - centre).astype(np.float32))
            loss[at] += float(((between @ alpha + centre - scores[b]) ** 2).sum())
    best = KERNEL_PENALTIES[int(loss.argmin())]
    return np.asarray(cross @ solved(gram, best, scores - mean) + mean)
