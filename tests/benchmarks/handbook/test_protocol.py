"""The Handbook's protocol: a week, a week of delay, a week; compromised cards leave; precision at
the top of each day.
"""

import numpy as np
import pytest
from handbook import TRANSACTIONS, needs_handbook, some_transactions
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.handbook.protocol import Split, card_precision, figures, split, weeks_to_test
from benchmarks.handbook.transactions import Transactions, TransactionsError, read, transactions

FIRST = int(np.datetime64("2018-04-01", "D").astype(int))
TEST_FROM = FIRST + 21


@pytest.fixture(scope="module")
def month() -> Transactions:
    """Thirty days of transactions of twenty cards."""
    return transactions(some_transactions())


def brute_force(month: Transactions, first_test_day: int) -> Split:
    """Walk through the test week day by day as the Handbook's text has it."""
    days, learn_from = month.day.tolist(), first_test_day - 14
    learn = [learn_from <= day < learn_from + 7 for day in days]
    known = {card for card, fraud, chosen in zip(month.card, month.fraud, learn, strict=True) if fraud and chosen}
    test = [False] * len(days)
    for passed in range(7):
        known |= {c for c, f, d in zip(month.card, month.fraud, days, strict=True) if f and d == learn_from + 7 + passed - 1}
        for i, day in enumerate(days):
            test[i] |= day == first_test_day + passed and month.card[i] not in known
    return Split(np.array(learn), np.array(test))


def test_the_split_is_that_of_walking_through_the_week(month):
    chosen, expected = split(month, TEST_FROM), brute_force(month, TEST_FROM)
    np.testing.assert_array_equal(chosen.learn, expected.learn)
    np.testing.assert_array_equal(chosen.test, expected.test)
    of_the_week = (month.day >= TEST_FROM) & (month.day < TEST_FROM + 7)
    assert 0 < chosen.test.sum() < of_the_week.sum(), "compromised cards leave"


def test_a_week_of_delay_lies_between_learning_and_measuring(month):
    for learn_days in (7, None):
        chosen = split(month, TEST_FROM, learn_days)
        assert month.day[chosen.learn].max() == TEST_FROM - 8
        assert (month.day[chosen.test].min(), month.day[chosen.test].max()) == (TEST_FROM, TEST_FROM + 6)


def test_all_history_is_learned_from_and_measured_on_the_same_transactions(month):
    week, all_of_it = split(month, TEST_FROM), split(month, TEST_FROM, learn_days=None)
    np.testing.assert_array_equal(all_of_it.test, week.test)
    assert month.day[week.learn].min() == TEST_FROM - 14
    assert month.day[all_of_it.learn].min() == FIRST


def test_weeks_go_on_as_far_as_the_data_reach_and_the_rest_lies_before(month):
    assert weeks_to_test(month, FIRST + 14, 2) == [FIRST + 14, FIRST + 21]
    assert weeks_to_test(month, FIRST + 21, 2) == [FIRST + 14, FIRST + 21]
    assert weeks_to_test(month, FIRST + 23, 2) == [FIRST + 16, FIRST + 23]


@pytest.mark.parametrize(("first", "weeks"), [(FIRST + 13, 1), (FIRST + 24, 1), (FIRST + 21, 3)])
def test_more_weeks_than_there_are_is_one_clear_sentence(month, first, weeks):
    with pytest.raises(TransactionsError, match=r"reach from 2018-04-01 to 2018-04-30: .* or give more files\."):
        weeks_to_test(month, first, weeks)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans(), st.integers(0, 1000)), min_size=1, max_size=40))
def test_card_precision_is_that_of_looking_at_the_highest_cards_one_day_after_the_other(rows):
    # No ties.
    rows = [(day, card, fraud, (score + i / 100) / 2000) for i, (day, card, fraud, score) in enumerate(rows)]
    blocked: set[int] = set()
    shares = []
    for today in sorted({row[0] for row in rows}):
        cards: dict[int, tuple[float, bool]] = {}
        for day, card, fraud, score in rows:
            if day == today and card not in blocked:
                highest, compromised = cards.get(card, (0.0, False))
                cards[card] = (max(highest, score), compromised or fraud)
        top = sorted(cards, key=lambda card: -cards[card][0])[:2]
        found = [card for card in top if cards[card][1]]
        blocked |= set(found)
        shares.append(len(found) / 2)
    day, card, fraud, score = (np.array(column) for column in zip(*rows, strict=True))
    assert card_precision(day, card, fraud, score, top=2) == pytest.approx(np.mean(shares))


def test_a_perfect_score_has_perfect_figures(month):
    chosen = split(month, TEST_FROM).test
    measured = figures(month, chosen, month.fraud[chosen].astype(np.float32))
    assert (measured["auc"], measured["average_precision"]) == (1, 1)


def test_files_that_overlap_are_read_once_and_in_order_of_time(tmp_path):
    rows = some_transactions(days=3)
    rows[100:].sample(frac=1, random_state=1).to_parquet(tmp_path / "b.parquet")
    rows[:120].to_parquet(tmp_path / "a.parquet")
    together = read([tmp_path / "b.parquet", tmp_path / "a.parquet"])
    np.testing.assert_array_equal(together.payments["event"], rows["TRANSACTION_ID"] + 1)
    np.testing.assert_array_equal(together.fraud, rows["TX_FRAUD"] == 1)
    same_card = rows["CUSTOMER_ID"].to_numpy()[:, None] == rows["CUSTOMER_ID"].to_numpy()
    np.testing.assert_array_equal(together.card[:, None] == together.card, same_card)


def test_files_that_each_count_their_transactions_from_0_are_read_whole(tmp_path):
    for name, start in (("a", "2018-04-01"), ("b", "2018-04-02")):
        some_transactions(days=1, start=start).to_parquet(tmp_path / f"{name}.parquet")
    both = read([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert np.unique(both.payments["event"]).size == len(both.fraud) == 120


def test_a_file_that_is_not_there_or_something_else_is_one_clear_sentence(tmp_path):
    with pytest.raises(TransactionsError, match=r"There is no .*nowhere\.parquet"):
        read([tmp_path / "nowhere.parquet"])
    some_transactions(days=1).drop(columns="TX_FRAUD").to_parquet(tmp_path / "odd.parquet")
    with pytest.raises(TransactionsError, match="no transactions of the Handbook"):
        read([tmp_path / "odd.parquet"])


@needs_handbook
def test_the_handbooks_own_split_has_as_many_rows_as_the_handbook_says():
    month = read([TRANSACTIONS])
    chosen = split(month, int(np.datetime64("2018-08-08", "D").astype(int)))
    assert (chosen.learn.sum(), chosen.test.sum(), month.fraud[chosen.test].sum()) == (67_240, 58_264, 385)
