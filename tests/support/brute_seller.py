"""The seller features by brute force: from all payments and labels of a seller, in plain Python,
one payment at a time.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LONGEST_SILENCE_US = 180 * DAY_US
NEVER = math.nan

Features = dict[str, float]


@dataclass(frozen=True)
class Label:
    """A label of a seller's payment, from when on it is known, and how unusual the amount was."""

    known_us: int
    at_us: int
    labelled: int
    fraud: int
    amount_z: float


def brute_force(at_us: int, amount: float, paid: list[tuple[int, float]], labels: list[Label], delay_us: int) -> Features:
    """Return the seller features of a payment, given all payments (when, amount) and labels of its
    seller, later ones too.
    """
    as_of = (at_us - 600_000_000) // HOUR_US * HOUR_US
    known = sorted((label for label in labels if label.known_us < as_of), key=lambda label: label.known_us)
    before = [payment for payment in paid if payment[0] < as_of]
    return {**_payments(at_us, amount, before, as_of), **_risk(known, as_of - delay_us), **_episode(known, at_us)}


def _inside(moments: list[int], end: int, slot_us: int, slots: int) -> list[bool]:
    """Say of each moment whether it lies in the `slots` slots of which the last contains the
    microsecond before `end`.
    """
    last = (end - 1) // slot_us
    return [last - slots < moment // slot_us <= last for moment in moments]


def _payments(at_us: int, amount: float, paid: list[tuple[int, float]], as_of: int) -> Features:
    moments = [moment for moment, _ in paid]

    def amounts(slot_us: int, slots: int) -> list[float]:
        return [a for (_, a), inside in zip(paid, _inside(moments, as_of, slot_us, slots), strict=True) if inside]

    day, month = amounts(HOUR_US, 24), amounts(DAY_US, 30)
    mean = sum(month) / len(month) if month else NEVER
    return {
        "seller_payments_1h": len(amounts(HOUR_US, 1)),
        "seller_payments_24h": len(day),
        "seller_amount_24h": sum(day),
        "seller_payments_7d": len(amounts(DAY_US, 7)),
        "seller_payments_30d": len(month),
        "seller_amount_mean_30d": mean,
        "seller_payments_24h_over_30d": 30 * len(day) / len(month) if month else NEVER,
        "amount_over_seller_mean": amount / mean,
        "seller_age_d": (at_us - min(moments) - _silent(moments, at_us)) / DAY_US if moments else NEVER,
    }


def _silent(moments: list[int], until: int) -> int:
    """Return how much of the time since the first of some moments was in long silences."""
    gaps = [b - a for a, b in pairwise(sorted([*moments, max(until, *moments)]))]
    return sum(gap for gap in gaps if gap > LONGEST_SILENCE_US)


def _risk(known: list[Label], end: int) -> Features:
    features: Features = {}
    for name, slot_us, slots in (("1d", HOUR_US, 24), ("7d", DAY_US, 7), ("30d", DAY_US, 30)):
        inside = _inside([label.at_us for label in known], end, slot_us, slots)
        count = sum(label.labelled for label, chosen in zip(known, inside, strict=True) if chosen)
        frauds = sum(label.fraud for label, chosen in zip(known, inside, strict=True) if chosen)
        features |= {f"seller_labels_{name}": count, f"seller_frauds_{name}": frauds}
        features[f"seller_fraud_rate_{name}"] = frauds / count if count > 0 else NEVER
    count = sum(label.labelled for label in known)
    return {**features, "seller_fraud_rate": sum(label.fraud for label in known) / count if count else NEVER}


def _episode(known: list[Label], now: int) -> Features:
    labels = [label for label in known if label.fraud > 0 or (label.labelled and label.fraud == 0)]
    frauds = [label.at_us for label in labels if label.fraud]
    legitimate = [label.at_us for label in labels if not label.fraud]
    marks = [bool(label.fraud) for label in labels]
    run, legitimate_in_run = _run(labels)

    def since(moments: list[int]) -> float:
        return (now - max(moments)) / DAY_US if moments else NEVER

    return {
        "seller_last_fraud": float(marks[-1]) if marks else NEVER,
        "seller_frauds_of_3": sum(marks[-3:]),
        "seller_frauds_of_8": sum(marks[-8:]),
        "seller_frauds_in_a_row": _tail(marks, True),
        "seller_legitimate_in_a_row": _tail(marks, False),
        "seller_since_label_d": since([label.at_us for label in known]),
        "seller_since_fraud_d": since(frauds),
        "seller_since_legitimate_d": since(legitimate),
        "seller_run_frauds": len(run),
        "seller_run_age_d": (now - min(run)) / DAY_US if run else NEVER,
        "seller_run_length_d": (max(run) - min(run)) / DAY_US if run else NEVER,
        "seller_run_legitimate": legitimate_in_run if run else NEVER,
    }


def _tail(marks: list[bool], mark: bool) -> int:
    """Return how many of the last marks are all `mark`."""
    wrong = [i for i, found in enumerate(marks) if found != mark]
    return len(marks) - 1 - (wrong[-1] if wrong else -1)


def _run(labels: list[Label]) -> tuple[list[int], int]:
    """Return when the frauds of ordinary amount of the last run were, and how many legitimate
    labels came after its first.
    """
    run: list[int] = []
    legitimate = 0
    for label in labels:
        if not label.fraud:
            legitimate += 1
        elif label.amount_z < 2.5:
            since_last = label.at_us - max(run, default=label.at_us)
            if since_last < -LONGEST_SILENCE_US:
                continue
            if legitimate or since_last > LONGEST_SILENCE_US:
                run, legitimate = [], 0
            run.append(label.at_us)
    return (run, legitimate) if run else ([], 0)
