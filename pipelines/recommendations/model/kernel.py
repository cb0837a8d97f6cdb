"""The query: products that may come next in a session, what speaks for each, and their order.

Neighbours are found and weighed in the line of V-STAN (Ludewig et al., 2021) over postings as in
VMIS-kNN (Kersbergen et al., SIGMOD 2022); pairs add transitions with back-off to earlier clicks;
where trees were learned they put the candidates in order. Everything that grows has a fixed size,
so the time of a query has a bound. All the compiled code is in this file, because Numba's cache
notices changes per file.
"""

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats
from pipelines.recommendations.model.index import (
    BACKWARD,
    FACTS,
    FIRST_SEEN,
    FORWARD,
    LATELY,
    LONGEST,
    NEXT,
    POPULARITY,
    POSTINGS,
    RARITY,
    RECENT,
    REPEATS,
    Index,
)
from pipelines.recommendations.model.options import Kernel
from pipelines.recommendations.model.sessions import Numbered

QUERY = 20  # newest clicks of a session that are looked at
BACK = 8  # newest clicks whose pairs are looked at
NEAREST = 50  # products nearest by the embedding that become candidates
THIN = 20  # candidates below which pairs of pairs become candidates too
HOP_PAIRS, HOP_SHARE = 10, 0.1
LARGEST = 300  # candidates at the most, whatever is asked for

# What speaks for a product: the columns of Work.evidence.
SIMILAR, SIMILAR_NEXT, SHARED, STRONGEST, SIMILAR_LAST = 0, 1, 2, 3, 4
PAIR_NEXT, PAIR_FORWARD, PAIR_BACKWARD, PAIR_RECENT = 5, 6, 7, 8
LAST_FORWARD, LAST_BACKWARD, BEFORE_NEXT = 9, 10, 11
TIMES, NEWEST, MARK, PAIRED, EVIDENCE = 12, 13, 14, 15, 16

# What the trees look at: evidence as a share of the list's largest, evidence as it is, facts of the
# product, of the session and of the list.
FEATURES = 52

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Trees(NamedTuple):
    """Complete binary trees (t) of one depth: left at an inner node where the feature is below its
    threshold.
    """

    features: npt.NDArray[np.uint8]  # (t, 2^depth - 1)
    thresholds: Floats  # (t, 2^depth - 1)
    leaves: Floats  # (t, 2^depth)


class Vectors(NamedTuple):
    """An item embedding with its attention (embedding.py); without rows where there is none."""

    products: Floats  # (p, d) each of length 1
    attention: Floats  # (d, d)
    newest: Floats  # (d, d)
    attended: Floats  # (d, d)
    places: Floats  # (QUERY) by distance from the newest


class Weights(NamedTuple):
    """What of the kernel's numbers can be known before a query."""

    query: Floats  # (QUERY) by distance from the newest click
    match: Floats  # (QUERY)
    after: Floats  # (LONGEST)
    before: Floats  # (LONGEST)
    pair: Floats  # (QUERY)
    sessions: Floats  # (s) of a neighbour by age and length
    rarity: Floats  # (p)


class Work(NamedTuple):
    """Memory of queries, which a query leaves as it found it: everything 0, `because` -1."""

    similarity: npt.NDArray[np.float64]  # (s)
    found: Numbered  # sessions
    places: Numbered  # where in each the newest shared product is
    matched: Numbered  # and how far from the newest click that is in the query
    strengths: npt.NDArray[np.float64]
    evidence: Floats  # (p, EVIDENCE)
    because: Numbered  # (p)
    touched: Numbered  # (p)
    cosines: Floats  # (p) or none
    candidates: Numbered  # (LARGEST)
    rough: Floats  # (p) the order where nothing is learned
    rows: Floats  # (LARGEST, FEATURES)
    margins: Floats  # (LARGEST)


class Candidates(NamedTuple):
    """What may come next in n sessions, best first, each row as far as its count goes."""

    products: Numbered  # (n, LARGEST)
    margins: Floats  # (n, LARGEST)
    follows: npt.NDArray[np.bool_]  # (n, LARGEST) whether it mostly comes next after the last click
    because: Numbered  # (n, LARGEST) the product seen together with it, -1 for none
    counts: Numbered  # (n)
    neighbours: Numbered  # (n) sessions like it


def no_candidates(sessions: int) -> Candidates:
    """Return the room for the candidates of so many sessions."""
    shape = (sessions, LARGEST)
    return Candidates(
        np.empty(shape, np.int32),
        np.empty(shape, np.float32),
        np.empty(shape, np.bool_),
        np.empty(shape, np.int32),
        np.zeros(sessions, np.int32),
        np.zeros(sessions, np.int32),
    )


def weights_of(index: Index, kernel: Kernel) -> Weights:
    """Return the weights that a kernel's numbers give over an index."""
    steps, places = np.arange(QUERY), np.arange(LONGEST)
    sessions = len(index.session_starts) - 1
    age = (sessions - 1 - np.arange(sessions)) / max(sessions, 1)
    lengths = np.maximum(np.diff(index.session_starts), 1)
    return Weights(
        (kernel.query_decay**steps).astype(np.float32),
        (kernel.match_decay**steps).astype(np.float32),
        (kernel.after_decay**places).astype(np.float32),
        (kernel.before_share * kernel.before_decay**places).astype(np.float32),
        (kernel.back_off**steps).astype(np.float32),
        (np.exp(-kernel.recency * age) / lengths**kernel.length_power).astype(np.float32),
        (index.facts[:, RARITY] ** kernel.rarity_power).astype(np.float32),
    )


def no_trees() -> Trees:
    """Return a ranker that has learned nothing."""
    return Trees(np.zeros((0, 1), np.uint8), np.zeros((0, 1), np.float32), np.zeros((0, 2), np.float32))


def no_vectors() -> Vectors:
    """Return an embedding of nothing."""
    none = np.zeros((0, 0), np.float32)
    return Vectors(none, none, none, none, np.zeros(QUERY, np.float32))


def work_for(index: Index, vectors: Vectors) -> Work:
    """Return the memory that one thread needs for queries of an index."""
    sessions, products, most = len(index.session_starts) - 1, len(index.hashes), QUERY * POSTINGS
    return Work(
        np.zeros(sessions),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most, np.int32),
        np.zeros(most),
        np.zeros((products, EVIDENCE), np.float32),
        np.full(products, -1, np.int32),
        np.zeros(products, np.int32),
        np.zeros(len(vectors.products), np.float32),
        np.zeros(LARGEST, np.int32),
        np.zeros(products, np.float32),
        np.zeros((LARGEST, FEATURES), np.float32),
        np.zeros(LARGEST, np.float32),
    )


@compiled
def _is_repeated(query, back):  # type: ignore[no-untyped-def]
    """Return whether the click so far from the newest is on a product that comes again later."""
    repeated = False
    for later in range(back):
        repeated = repeated or query[len(query) - 1 - later] == query[len(query) - 1 - back]
    return repeated


@compiled
def _find(index, weights, work, query):  # type: ignore[no-untyped-def]
    """Find the sessions that share a product with the query, and return how many there are."""
    found = 0
    for back in range(len(query)):
        product = query[len(query) - 1 - back]
        if _is_repeated(query, back):
            continue
        weight = np.float64(weights.query[back]) * weights.rarity[product]
        for at in range(index.posting_starts[product], index.posting_starts[product + 1]):
            session = index.posting_sessions[at]
            if work.similarity[session] == 0.0:
                work.found[found] = session
                work.places[found] = index.posting_places[at]
                work.matched[found] = back
                found += 1
            work.similarity[session] += weight + 1e-9  # never 0, which means not found
    return found


@compiled
def _keep_strongest(kernel, weights, work, found):  # type: ignore[no-untyped-def]
    """Bring the strongest neighbours to the front, empty the similarities, and return how many
    there are; of equals the first found.
    """
    for i in range(found):
        session = work.found[i]
        work.strengths[i] = work.similarity[session] * weights.match[work.matched[i]] * weights.sessions[session]
        work.similarity[session] = 0.0
    most = np.int64(kernel.neighbours)
    if found <= most:
        return found
    least = np.partition(work.strengths[:found], found - most)[found - most]
    above = 0
    for i in range(found):
        if work.strengths[i] > least:
            above += 1
    equals, chosen = most - above, 0
    for i in range(found):
        strength = work.strengths[i]
        if strength > least or (strength == least and equals > 0):
            if strength == least:
                equals -= 1
            work.found[chosen], work.places[chosen] = work.found[i], work.places[i]
            work.matched[chosen], work.strengths[chosen] = work.matched[i], strength
            chosen += 1
    return chosen


@compiled
def _touch(work, product, touched):  # type: ignore[no-untyped-def]
    if work.evidence[product, MARK] == 0.0:
        work.evidence[product, MARK] = 1.0
        work.touched[touched] = product
        return touched + 1
    return touched


@compiled
def _add_query(work, query):  # type: ignore[no-untyped-def]
    touched = 0
    for back in range(len(query)):
        product = query[len(query) - 1 - back]
        touched = _touch(work, product, touched)
        work.evidence[product, TIMES] += 1.0
        if work.evidence[product, NEWEST] == 0.0:
            work.evidence[product, NEWEST] = back + 1.0
    return touched


@compiled
def _add_neighbours(index, kernel, weights, work, query, neighbours, touched):  # type: ignore[no-untyped-def]
    for i in range(neighbours):
        session, place, strength = work.found[i], work.places[i], work.strengths[i]
        matched = query[len(query) - 1 - work.matched[i]]
        first = index.session_starts[session]
        for at in range(first, index.session_starts[session + 1]):
            product, step = index.session_products[at], at - first - place
            if step > 0:
                share = np.float64(weights.after[step - 1])
            elif step < 0:
                share = np.float64(weights.before[-step - 1])
            else:
                share = kernel.self_share
            touched = _touch(work, product, touched)
            row = work.evidence[product]
            added = strength * share
            row[SIMILAR] += added
            row[SHARED] += 1.0
            if step == 1:
                row[SIMILAR_NEXT] += strength
            if work.matched[i] == 0:
                row[SIMILAR_LAST] += added
            if added > row[STRONGEST]:
                row[STRONGEST] = added
                if matched != product:
                    work.because[product] = matched
    return touched


@compiled
def _add_pairs(index, weights, work, query, touched):  # type: ignore[no-untyped-def]
    for back in range(min(len(query), BACK)):
        product, weight = query[len(query) - 1 - back], weights.pair[back]
        if _is_repeated(query, back):
            continue
        for at in range(index.pair_starts[product], index.pair_starts[product + 1]):
            other, values = index.pair_products[at], index.pair_values[at]
            touched = _touch(work, other, touched)
            row = work.evidence[other]
            row[PAIR_FORWARD] += weight * values[FORWARD]
            row[PAIR_BACKWARD] += weight * values[BACKWARD]
            row[PAIR_RECENT] += weight * values[RECENT]
            row[PAIRED] += 1.0
            if back == 0:
                row[PAIR_NEXT] = values[NEXT]
                row[LAST_FORWARD], row[LAST_BACKWARD] = values[FORWARD], values[BACKWARD]
            elif back == 1:
                row[BEFORE_NEXT] = values[NEXT]
            if work.because[other] < 0 and product != other:
                work.because[other] = product
    return touched


@compiled
def _add_pairs_of_pairs(index, work, query, touched):  # type: ignore[no-untyped-def]
    """Add what is seen near what is seen near the newest product."""
    product = query[len(query) - 1]
    for at in range(index.pair_starts[product], min(index.pair_starts[product] + HOP_PAIRS, index.pair_starts[product + 1])):
        between, near = index.pair_products[at], index.pair_values[at, FORWARD] + index.pair_values[at, BACKWARD]
        for further in range(index.pair_starts[between], index.pair_starts[between + 1]):
            other = index.pair_products[further]
            touched = _touch(work, other, touched)
            weight = HOP_SHARE * near * (index.pair_values[further, FORWARD] + index.pair_values[further, BACKWARD])
            work.evidence[other, PAIR_FORWARD] += weight
            if work.because[other] < 0 and between != other:
                work.because[other] = between
    return touched


@compiled
def _look_towards(vectors, work, query):  # type: ignore[no-untyped-def]
    """Give every product its cosine with where the session is heading (embedding.py)."""
    count, width = len(query), vectors.products.shape[1]
    newest = vectors.products[query[count - 1]]
    wanted = np.dot(newest, vectors.attention)
    attention = np.zeros(count, np.float32)
    for back in range(count):
        clicked = vectors.products[query[count - 1 - back]]
        attention[back] = np.dot(wanted, clicked) + vectors.places[back]
    attention = np.exp(attention - attention.max())
    attention /= attention.sum()
    attended = np.zeros(width, np.float32)
    for back in range(count):
        attended += attention[back] * vectors.products[query[count - 1 - back]]
    heading = np.dot(newest, vectors.newest) + np.dot(attended, vectors.attended)
    heading /= np.float32(math.sqrt(np.dot(heading, heading)) + 1e-9)
    np.dot(vectors.products, heading, work.cosines)


@compiled
def _add_nearest(work, touched):  # type: ignore[no-untyped-def]
    """Touch the products nearest by cosine, found in one pass over them."""
    buffer, values = np.empty(8 * NEAREST, np.int32), np.empty(8 * NEAREST, np.float32)
    size, least = 0, np.float32(-2.0)
    for product in range(len(work.cosines)):
        if work.cosines[product] > least:
            buffer[size], values[size] = product, work.cosines[product]
            size += 1
            if size == len(buffer):
                size, least = _thinned(buffer, values, size)
    if size > NEAREST:
        size, least = _thinned(buffer, values, size)
    for i in range(size):
        touched = _touch(work, buffer[i], touched)
    return touched, least


@compiled
def _thinned(buffer, values, size):  # type: ignore[no-untyped-def]
    """Leave the NEAREST best, and return how many those are and the least of them."""
    least = np.partition(values[:size], size - NEAREST)[size - NEAREST]
    left = 0
    for i in range(size):
        if values[i] >= least and left < NEAREST:
            buffer[left], values[left] = buffer[i], values[i]
            left += 1
    return left, least


@compiled
def gather(index, kernel, weights, vectors, work, query):  # type: ignore[no-untyped-def]
    """Collect the evidence for what may come after a query (1 to QUERY products, oldest first).

    Return how many products are touched, how many neighbours there are, and the least cosine of
    those nearest by the embedding.
    """
    found = _find(index, weights, work, query)
    neighbours = _keep_strongest(kernel, weights, work, found)
    touched = _add_query(work, query)
    touched = _add_neighbours(index, kernel, weights, work, query, neighbours, touched)
    touched = _add_pairs(index, weights, work, query, touched)
    if touched < THIN:
        touched = _add_pairs_of_pairs(index, work, query, touched)
    nearest = np.float32(2.0)
    if len(vectors.products):
        _look_towards(vectors, work, query)
        touched, nearest = _add_nearest(work, touched)
    return touched, neighbours, nearest


@compiled
def forget(work, touched):  # type: ignore[no-untyped-def]
    """Leave the memory as a query finds it."""
    for i in range(touched):
        work.evidence[work.touched[i]] = 0.0
        work.because[work.touched[i]] = -1


@compiled
def _share(value, largest):  # type: ignore[no-untyped-def]
    return value / largest if largest > 0.0 else np.float32(0.0)


@compiled
def _largest(work, touched):  # type: ignore[no-untyped-def]
    largest = np.zeros(EVIDENCE, np.float32)
    for i in range(touched):
        row = work.evidence[work.touched[i]]
        for column in range(EVIDENCE):
            if row[column] > largest[column]:
                largest[column] = row[column]
    return largest


@compiled
def choose(index, kernel, work, touched, most, nearest):  # type: ignore[no-untyped-def]
    """Choose the candidates: the `most` products with most evidence, and those at least as near as
    `nearest`. Return how many there are, and the largest evidence of each kind.
    """
    largest = _largest(work, touched)
    for i in range(touched):
        product = work.touched[i]
        row = work.evidence[product]
        work.rough[i] = (
            _share(row[SIMILAR], largest[SIMILAR])
            + kernel.forward_share * _share(row[PAIR_FORWARD], largest[PAIR_FORWARD])
            + kernel.backward_share * _share(row[PAIR_BACKWARD], largest[PAIR_BACKWARD])
            + 1e-5 * index.facts[product, LATELY]
        )
    least = np.float32(-1.0)
    if touched > most:
        least = np.partition(work.rough[:touched], touched - most)[touched - most]
    chosen, by_evidence = 0, 0
    for i in range(touched):
        product = work.touched[i]
        strong = work.rough[i] >= least and by_evidence < most
        near = nearest <= 1.0 and work.cosines[product] >= nearest
        if (strong or near) and chosen < LARGEST:
            by_evidence += 1 if strong else 0
            work.candidates[chosen] = product
            work.margins[chosen] = work.rough[i]
            chosen += 1
    return chosen, largest


@compiled
def _ranks(work, count, values, column):  # type: ignore[no-untyped-def]
    """Write the place of each candidate by some value, the largest first."""
    order = np.argsort(-values[:count], kind="mergesort")
    for place in range(count):
        work.rows[order[place], column] = place


@compiled
def describe(index, work, query, neighbours, count, largest):  # type: ignore[no-untyped-def]
    """Write what the trees look at into the rows of the candidates."""
    last = query[len(query) - 1]
    distinct = 0
    for back in range(len(query)):
        distinct += 0 if _is_repeated(query, back) else 1
    repeated_last = 1.0 if len(query) > 1 and query[len(query) - 2] == last else 0.0
    for i in range(count):
        product = work.candidates[i]
        evidence, facts, row = work.evidence[product], index.facts[product], work.rows[i]
        row[0] = _share(evidence[SIMILAR], largest[SIMILAR])
        row[1] = _share(evidence[SIMILAR_NEXT], largest[SIMILAR_NEXT])
        row[2] = _share(evidence[STRONGEST], largest[STRONGEST])
        row[3] = _share(evidence[SIMILAR_LAST], largest[SIMILAR_LAST])
        row[4] = _share(evidence[PAIR_FORWARD], largest[PAIR_FORWARD])
        row[5] = _share(evidence[PAIR_BACKWARD], largest[PAIR_BACKWARD])
        row[6] = _share(evidence[PAIR_RECENT], largest[PAIR_RECENT])
        row[7] = _share(evidence[PAIR_NEXT], largest[PAIR_NEXT])
        row[8] = evidence[SHARED]
        row[9] = evidence[SHARED] / max(neighbours, 1)
        row[10] = evidence[SIMILAR]
        row[11] = evidence[PAIR_NEXT]
        row[12] = evidence[PAIR_FORWARD]
        row[13] = evidence[PAIR_BACKWARD]
        row[14] = evidence[PAIR_RECENT]
        row[15] = evidence[LAST_FORWARD]
        row[16] = evidence[LAST_BACKWARD]
        row[17] = evidence[BEFORE_NEXT]
        row[18] = evidence[TIMES]
        row[19] = evidence[NEWEST] if evidence[NEWEST] > 0.0 else QUERY + 1.0
        for fact in range(FACTS):
            row[20 + fact] = facts[fact]
        row[28] = len(query)
        row[29] = distinct
        row[30] = index.facts[last, POPULARITY]
        row[31] = index.facts[last, REPEATS]
        row[32] = neighbours
        row[33] = largest[PAIR_NEXT]
        row[34] = largest[SIMILAR]
        row[35] = largest[TIMES]
        row[36] = repeated_last
        row[37] = 1.0 if index.category[product] >= 0 and index.category[product] == index.category[last] else 0.0
        row[38] = work.margins[i]
        row[48] = evidence[PAIRED]
        row[49] = evidence[PAIRED] / distinct
        row[50] = abs(facts[FIRST_SEEN] - index.facts[last, FIRST_SEEN])
        row[51] = facts[POPULARITY] - index.facts[last, POPULARITY]
    _describe_places(work, count)


@compiled
def _describe_places(work, count):  # type: ignore[no-untyped-def]
    """Write the places of the candidates by the strongest kinds of evidence."""
    _ranks(work, count, work.rows[:, 0], 39)
    _ranks(work, count, work.rows[:, 4], 40)
    _ranks(work, count, work.rows[:, 6], 41)
    _ranks(work, count, work.margins, 42)
    best = work.margins[:count].max() if count else np.float32(0.0)
    for i in range(count):
        work.rows[i, 43] = best


@compiled
def describe_vectors(vectors, work, query, count):  # type: ignore[no-untyped-def]
    """Write what the embedding says of the candidates into their rows."""
    if not len(vectors.products):
        return
    last = vectors.products[query[len(query) - 1]]
    cosines = np.empty(count, np.float32)
    for i in range(count):
        cosines[i] = work.cosines[work.candidates[i]]
    best = cosines.max()
    for i in range(count):
        work.rows[i, 44] = cosines[i]
        work.rows[i, 45] = np.dot(last, vectors.products[work.candidates[i]])
        work.rows[i, 46] = best - cosines[i]
    _ranks(work, count, cosines, 47)


@compiled
def judge(trees, work, count):  # type: ignore[no-untyped-def]
    """Give the candidates the sums of their leaves, in place of the rough order."""
    inner = np.uint64(trees.features.shape[1])
    depth = 0
    while (1 << depth) - 1 < trees.features.shape[1]:
        depth += 1
    for i in range(count):
        work.margins[i] = 0.0
    for tree in range(len(trees.features)):
        features, thresholds, leaves = trees.features[tree], trees.thresholds[tree], trees.leaves[tree]
        for i in range(count):
            row = work.rows[i]
            node = np.uint64(0)
            for _ in range(depth):
                right = np.uint64(1) if row[features[node]] >= thresholds[node] else np.uint64(0)
                node = node + node + np.uint64(1) + right
            work.margins[i] += leaves[node - inner]


@compiled
def ranked(index, kernel, weights, trees, vectors, work, query, most):  # type: ignore[no-untyped-def]
    """Return the candidates after a query as their places in Work.candidates, best first, how many
    products are touched, and how many neighbours there are.
    """
    touched, neighbours, nearest = gather(index, kernel, weights, vectors, work, query)
    count, largest = choose(index, kernel, work, touched, most, nearest)
    if len(trees.features):
        describe(index, work, query, neighbours, count, largest)
        describe_vectors(vectors, work, query, count)
        judge(trees, work, count)
    return np.argsort(-work.margins[:count], kind="mergesort"), touched, neighbours


@compiled
def find_candidates(index, kernel, weights, trees, vectors, work, clicks, most, candidates):  # type: ignore[no-untyped-def]
    """Write what may come next in each session into its row; `clicks` (n, m) are products, oldest
    first, those below 0 none. In one call, because each one waits for Python's lock at its end.
    """
    query = np.empty(clicks.shape[1], np.int32)
    for i in range(len(clicks)):
        length = 0
        for product in clicks[i]:
            if product >= 0:
                query[length] = product
                length += 1
        if not length:
            continue
        order, touched, neighbours = ranked(index, kernel, weights, trees, vectors, work, query[:length], most)
        candidates.counts[i], candidates.neighbours[i] = len(order), neighbours
        for place in range(len(order)):
            product = work.candidates[order[place]]
            evidence = work.evidence[product]
            candidates.products[i, place], candidates.margins[i, place] = product, work.margins[order[place]]
            candidates.follows[i, place] = evidence[PAIR_NEXT] > 0 and 2 * evidence[PAIR_NEXT] >= evidence[LAST_FORWARD]
            candidates.because[i, place] = work.because[product]
        forget(work, touched)


@compiled
def _fill(index, work, touched, count, products, scores):  # type: ignore[no-untyped-def]
    """Fill what is left of a list with what is trending, below all that is in it."""
    for i in range(len(index.trending)):
        if count == len(products):
            return
        product = index.trending[i]
        if work.evidence[product, MARK] == 0.0:
            products[count], scores[count] = product, -1e6 - i
            count += 1


@compiled
def rank(index, kernel, weights, trees, vectors, work, clicks, firsts, ends, most, products, scores):  # type: ignore[no-untyped-def]
    """Write the best products after each query, and their margins, into the rows of `products` and
    `scores` (n, k); no rules. Query i has the products from clicks[firsts[i]] to before
    clicks[ends[i]].
    """
    for i in range(len(ends)):
        first = max(firsts[i], ends[i] - QUERY)
        count, touched = 0, 0
        if first < ends[i]:
            order, touched, _ = ranked(index, kernel, weights, trees, vectors, work, clicks[first : ends[i]], most)
            count = min(len(order), products.shape[1])
            for place in range(count):
                products[i, place] = work.candidates[order[place]]
                scores[i, place] = work.margins[order[place]]
        _fill(index, work, touched, count, products[i], scores[i])
        forget(work, touched)


@compiled
def describe_all(index, kernel, weights, vectors, work, clicks, firsts, ends, most, rows, products):  # type: ignore[no-untyped-def]
    """Write what the trees look at of the candidates after each query into `rows` (n, c, FEATURES),
    which ones those are into `products` (n, c; -1 for none).
    """
    for i in range(len(ends)):
        query = clicks[max(firsts[i], ends[i] - QUERY) : ends[i]]
        touched, neighbours, nearest = gather(index, kernel, weights, vectors, work, query)
        count, largest = choose(index, kernel, work, touched, most, nearest)
        describe(index, work, query, neighbours, count, largest)
        describe_vectors(vectors, work, query, count)
        for place in range(min(count, products.shape[1])):
            products[i, place] = work.candidates[place]
            rows[i, place] = work.rows[place]
        forget(work, touched)
