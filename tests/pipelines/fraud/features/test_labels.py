"""A label is used neither before the delay nor before the bank's finding, and a later finding
corrects it.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fraud.features.labels import Findings, labels

DELAY_US = 70


def findings(*rows: tuple[int, int, bool]) -> Findings:
    """Build findings from (payment, found_us, fraud)."""
    payment, found_us, fraud = (np.array([row[i] for row in rows]) for i in range(3))
    return Findings(payment.astype(np.int64), found_us.astype(np.int64), fraud.astype(np.bool_))


def made(at_us: list[int], *rows: tuple[int, int, bool]) -> list[tuple[int, int, int, int]]:
    """Return the labels as (payment, known_us, labelled, fraud)."""
    z = np.arange(len(at_us), dtype=np.float32)
    found, payment_of = labels(np.array(at_us, np.int64), z, findings(*rows), DELAY_US)
    assert found["at_us"].tolist() == [at_us[p] for p in payment_of]
    assert found["amount_z"].tolist() == payment_of.tolist()
    return [(int(p), *map(int, row)) for p, row in zip(payment_of, found[["known_us", "labelled", "fraud"]], strict=True)]


def test_without_a_finding_a_payment_is_legitimate_after_the_delay():
    assert made([10, 5]) == [(1, 75, 1, 0), (0, 80, 1, 0)]


def test_a_finding_before_the_delay_is_over_counts_from_then_on_and_the_last_one_wins():
    assert sorted(made([0, 0], (0, 30, True), (1, 40, False), (1, 20, True))) == [(0, 70, 1, 1), (1, 70, 1, 0)]


def test_a_finding_after_the_delay_corrects_when_it_comes():
    assert made([0], (0, 100, True), (0, 120, True), (0, 130, False)) == [(0, 70, 1, 0), (0, 100, 0, 1), (0, 130, 0, -1)]


a_finding = st.tuples(st.integers(0, 3), st.integers(0, 300), st.booleans())


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4), st.lists(a_finding, max_size=12), st.integers(0, 400))
def test_at_any_moment_the_labels_say_what_the_bank_had_said(at_us, found, now):
    # No two findings about a payment at once: nobody could say which is the later one.
    found = list({(payment, moment): (payment, moment, fraud) for payment, moment, fraud in found}.values())
    rows = made(at_us, *found)
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    for payment, at in enumerate(at_us):
        labelled = [row for row in rows if row[0] == payment and row[1] <= now]
        due = now >= at + DELAY_US
        found_by_then = [fraud for p, moment, fraud in sorted(found, key=lambda f: f[1]) if p == payment and moment <= now]
        assert sum(row[2] for row in labelled) == due
        assert sum(row[3] for row in labelled) == (due and bool(found_by_then) and found_by_then[-1])
