"""A recommender in use: loaded from arrays that are checked, so that no query can leave them.

A model is one `.npz` file without pickles: loading it runs no code of the model's.
"""

import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import SECOND_US, Floats
from pipelines.base.errors import ModelError
from pipelines.models.arrays import Arrays, packed, unpacked
from pipelines.models.packed import Packed
from pipelines.recommendations.model import kernel as query
from pipelines.recommendations.model.index import FACTS, LONGEST, PAIR_VALUES, POSTINGS, Index, words
from pipelines.recommendations.model.kernel import FEATURES, LARGEST, QUERY, Trees, Vectors, Work
from pipelines.recommendations.model.lists import Hashes
from pipelines.recommendations.model.options import Kernel
from pipelines.recommendations.model.prefixes import Prefixes
from pipelines.recommendations.model.sessions import Catalogue, Numbered

FORMAT = "tidemark-recommender/1"
TEXTS = ("products", "category_names", "seller_names")


class Model:
    """A loaded recommender with the name and version that its lists carry; threads may share it."""

    def __init__(self, name: str, version: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over arrays as `build` gives them; raises ModelError where they do not fit."""
        self.name, self.version = name, version
        try:
            self._take(arrays)
            check(self.index, self.trees, self.vectors, self.candidates)
        except (KeyError, TypeError, ValueError, IndexError, UnicodeDecodeError) as error:
            raise ModelError(
                f"Model {name} version {version} is not a whole recommender ({error!r}): build it again."
            ) from error
        self.weights = query.weights_of(self.index, self.kernel)
        self._order = np.argsort(self.index.hashes, kind="stable").astype(np.int32)
        self.hashes: Hashes = self.index.hashes[self._order]
        self._memory = threading.local()

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.built_us = int(arrays["built_us"][0])
        self.candidates = int(arrays["candidates"][0])
        self.kernel = Kernel(*(float(number) for number in arrays["kernel"]))
        self.index = Index(*(_like(arrays[name], kind) for name, kind in zip(Index._fields, INDEX_KINDS, strict=True)))
        self.trees = Trees(
            *(_like(arrays[f"tree_{name}"], kind) for name, kind in zip(Trees._fields, ("u1", "f4", "f4"), strict=True))
        )
        self.vectors = Vectors(*(_like(arrays[f"vector_{name}"], "f4") for name in Vectors._fields))
        self.products, self.category_names, self.seller_names = (_texts(arrays, name) for name in TEXTS)
        if not len(self.products) == len(self.index.hashes) == len(self.index.category):
            raise ValueError("products and their facts differ in number")
        self.categories = [self.category_names[number] if number >= 0 else "" for number in self.index.category]
        self.sellers = [self.seller_names[number] if number >= 0 else "" for number in self.index.seller]

    def numbers(self, hashes: Hashes) -> Numbered:
        """Return the places (n) in the vocabulary of products with these hashes, -1 of others."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int32)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, self._order[at], np.int32(-1))

    def work(self) -> Work:
        """Return this thread's memory of queries."""
        if not hasattr(self._memory, "work"):
            self._memory.work = query.work_for(self.index, self.vectors)
        work: Work = self._memory.work
        return work

    def rank(self, prefixes: Prefixes, count: int) -> tuple[Numbered, Floats]:
        """Return the best products (n, count; -1 for none) after each prefix, and their margins; no
        rules.
        """
        products = np.full((prefixes.count, count), -1, np.int32)
        scores = np.full((prefixes.count, count), -np.inf, np.float32)
        asked_of = (self.index, self.kernel, self.weights, self.trees, self.vectors, self.work())
        query.rank(*asked_of, prefixes.clicks, prefixes.firsts, prefixes.ends, self.candidates, products, scores)
        return products, scores


INDEX_KINDS = ("i8", "i4", "i8", "i4", "i2", "i8", "i4", "f4", "f4", "i4", "i4", "?", "u8", "i4", "i8", "i4")


def _like(array: npt.NDArray[Any], kind: str) -> Any:
    """Return an array as compiled code wants it; raises TypeError for one of another kind."""
    if array.dtype != np.dtype(kind):
        raise TypeError(f"an array of {array.dtype} where {np.dtype(kind)} is due")
    return np.ascontiguousarray(array)


def packed_bytes(arrays: Arrays) -> bytes:
    """Return the arrays as the bytes of an `.npz` file, the same for the same arrays."""
    return packed(arrays)


def load(registered: Packed) -> Model:
    """Return the recommender; raises ModelError where it is not the registered one, of another
    format, or broken.
    """
    registered.verify(FORMAT)
    arrays = unpacked(registered.content, f"Model {registered.name} version {registered.version}")
    return Model(registered.name, registered.version, arrays)


def arrays_of(
    index: Index,
    catalogue: Catalogue,
    products: list[str],
    kernel: Kernel,
    trees: Trees,
    vectors: Vectors,
    candidates: int,
    built_us: int | None = None,
) -> Arrays:
    """Return all of a recommender as arrays by name."""
    now_us = int(time.time() * SECOND_US) if built_us is None else built_us
    texts = (products, words(catalogue.category), words(catalogue.seller))
    return {
        "built_us": np.array([now_us], np.int64),
        "candidates": np.array([candidates], np.int64),
        "kernel": np.array(kernel, np.float64),
        **index._asdict(),
        **{f"tree_{name}": array for name, array in trees._asdict().items()},
        **{f"vector_{name}": array for name, array in vectors._asdict().items()},
        **{key: array for name, text in zip(TEXTS, texts, strict=True) for key, array in _text_arrays(name, text).items()},
    }


def _text_arrays(name: str, texts: list[str]) -> Arrays:
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return {f"{name}_text": np.frombuffer(b"".join(encoded), np.uint8), f"{name}_ends": ends}


def _texts(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> list[str]:
    content, ends = arrays[f"{name}_text"].tobytes(), [0, *(int(end) for end in arrays[f"{name}_ends"])]
    return [content[first:end].decode() for first, end in pairwise(ends)]


def check(index: Index, trees: Trees, vectors: Vectors, candidates: int) -> None:
    """Raise ValueError where a query could leave these arrays."""
    products, sessions = len(index.hashes), len(index.session_starts) - 1
    _require(20 <= candidates <= LARGEST, "a number of candidates")
    for starts, divided, parts in (
        (index.session_starts, index.session_products, sessions),
        (index.posting_starts, index.posting_sessions, products),
        (index.pair_starts, index.pair_products, products),
        (index.category_starts, index.category_trending, len(index.category_starts) - 1),
    ):
        lengths = np.diff(starts)
        _require(len(starts) == parts + 1 and starts[0] == 0 and starts[-1] == len(divided) and (lengths >= 0).all(), "starts")
    _require(int(np.diff(index.session_starts).max(initial=0)) <= LONGEST, "lengths of sessions")
    _require(int(np.diff(index.posting_starts).max(initial=0)) <= POSTINGS, "lengths of postings")
    for numbers, end, least in (
        (index.session_products, products, 0),
        (index.posting_sessions, sessions, 0),
        (index.pair_products, products, 0),
        (index.trending, products, 0),
        (index.category_trending, products, 0),
        (index.category, len(index.category_starts) - 1, -1),
    ):
        _require(int(numbers.min(initial=0)) >= least and int(numbers.max(initial=-1)) < end, "numbers")
    _require(len(index.posting_places) == len(index.posting_sessions), "places")
    lengths = np.diff(index.session_starts)[index.posting_sessions]
    _require(bool(((index.posting_places >= 0) & (index.posting_places < lengths)).all()), "places")
    _require(index.pair_values.shape == (len(index.pair_products), PAIR_VALUES), "pairs")
    _require(index.facts.shape == (products, FACTS), "facts")
    _require(len(index.sold) == len(index.seller) == len(index.category) == products, "facts")
    _check_learned(trees, vectors, products)


def _check_learned(trees: Trees, vectors: Vectors, products: int) -> None:
    count, inner = trees.features.shape
    _require(inner & (inner + 1) == 0 and inner > 0, "the depth of trees")
    _require(trees.thresholds.shape == (count, inner) and trees.leaves.shape == (count, inner + 1), "trees")
    _require(int(trees.features.max(initial=0)) < FEATURES, "features of trees")
    rows, width = vectors.products.shape
    _require(rows in (0, products) and len(vectors.places) == QUERY, "vectors")
    _require(all(matrix.shape == (width, width) for matrix in vectors[1:4]), "vectors")


def _require(condition: bool | np.bool_, what: str) -> None:
    if not condition:
        raise ValueError(f"{what} that do not fit the rest")
