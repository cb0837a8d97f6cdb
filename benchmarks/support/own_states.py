"""Cards, devices and sellers that a benchmark has for itself in the online store."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.support.fraud_payments import CARD, DEVICE, SELLER, SELLERS
from pipelines.base.arrays import DAY_US, Records
from pipelines.base.settings import settings
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.features.payment_records import PAYMENT
from pipelines.fraud.features.seller_fold import learn
from pipelines.fraud.features.seller_state import LABEL, SELLER_RECORD, new_sellers
from pipelines.fraud.seller_states import label_delay_us, last_full_hour
from pipelines.fraud.store import FraudStore
from pipelines.online_store.client import Client

SALES_PER_SELLER, DAYS, FRAUD_EVERY = 60, 30, 50


@contextmanager
def own_states() -> Iterator[None]:
    """Have the store know SELLERS sellers by a month of sales, and let it forget them, cards and
    devices at the end.
    """
    with Client(settings().valkey) as client:
        names = [SELLER.format(number) for number in range(SELLERS)]
        FraudStore(client).write_sellers(names, known_sellers(now_us(), label_delay_us()))
    try:
        yield
    finally:
        for name in (CARD, DEVICE, SELLER):
            forget(name)


def forget(name: str) -> None:
    """Let the store forget all cards (CARD), devices (DEVICE) or sellers (SELLER) of benchmarks."""
    with Client(settings().valkey) as client:
        client.remove_matching(f"*:{FEATURE_SET}:{name.format('*')}")


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return int(np.datetime64("now", "us").astype(np.int64))


def known_sellers(at_us: int, delay_us: int) -> Records:
    """Return what is known of SELLERS sellers (SELLER_RECORD) by SALES_PER_SELLER sales each.

    It is what is known at `at_us`, with labels that take `delay_us` to mature.
    """
    end = last_full_hour(at_us)
    sold = np.zeros(SELLERS * SALES_PER_SELLER, PAYMENT)
    sold["at_us"] = np.linspace(end - DAYS * DAY_US, end - 1, len(sold)).astype(np.int64)
    sold["amount"] = 10.0 + np.arange(len(sold)) % 200
    of = np.arange(len(sold)) % SELLERS
    mature = sold["at_us"] < end - delay_us
    labels = np.zeros(int(mature.sum()), LABEL)
    labels["at_us"], labels["labelled"] = sold["at_us"][mature], 1
    labels["known_us"] = labels["at_us"] + delay_us
    labels["fraud"] = np.arange(len(labels)) // SELLERS % FRAUD_EVERY == 0
    records = np.zeros(SELLERS, SELLER_RECORD)
    states = new_sellers(SELLERS)
    learn(states, of, sold, of[mature], labels, delay_us)
    records["before"], records["after"], records["before_us"], records["after_us"] = states, states, end, end
    return records
