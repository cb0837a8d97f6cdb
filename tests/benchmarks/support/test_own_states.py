"""The sellers of a benchmark are known by sales and by labels that have matured."""

from benchmarks.support.fraud_payments import SELLERS
from benchmarks.support.own_states import DAYS, SALES_PER_SELLER, known_sellers
from pipelines.base.arrays import DAY_US, HOUR_US
from pipelines.fraud.seller_states import last_full_hour


def test_every_seller_is_known_up_to_the_last_full_hour() -> None:
    records = known_sellers(1000 * DAY_US + HOUR_US, 7 * DAY_US)
    states = records["after"]
    assert len(records) == SELLERS
    assert (records["after_us"] == last_full_hour(1000 * DAY_US + HOUR_US)).all()
    assert (states["payments"] == SALES_PER_SELLER).all()
    matured = SALES_PER_SELLER * (1 - 7 / DAYS)
    assert abs(states["labels"].mean() - matured) < 1
    assert 0 < states["frauds"].sum() < states["labels"].sum()
