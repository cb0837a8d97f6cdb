"""Which currency amounts are shown in: amounts of different currencies are never added up."""

from collections import Counter
from collections.abc import Iterable


def main_currency(counted: Iterable[tuple[str, int]]) -> str:
    """Return the currency with the largest count, of (currency, count) pairs; "" without any."""
    counts: Counter[str] = Counter()
    for currency, count in counted:
        counts[currency] += count
    return max(counts, key=lambda currency: (counts[currency], currency), default="")
