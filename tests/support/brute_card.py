"""The card features by brute force: from the whole history of a card, in plain Python, one payment
at a time.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from pipelines.fraud.features.card_state import HALF_LIVES_S, HIGHS, PLACES

LONGEST_SILENCE_US = 180 * 86_400_000_000
MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
WINDOWS = {"1h": (5 * MINUTE_US, 12), "24h": (HOUR_US, 24), "7d": (DAY_US, 7), "30d": (DAY_US, 30)}
HALVED = dict(zip(("10m", "6h", "1d", "7d"), HALF_LIVES_S, strict=True))

Features = dict[str, float]


def brute_force(history: list[np.void]) -> Features:
    """Return all features of the last payment of one card."""
    clocks = np.maximum.accumulate([p["at_us"] for p in history]).tolist()
    amounts = [float(p["amount"]) for p in history]
    windows = _windows(amounts, clocks)
    return {
        **_payment(history[-1]),
        **_habits(history, clocks),
        **windows,
        **_decayed(amounts, clocks),
        **_amount(amounts, windows),
        **_highs(amounts, clocks),
        **_customer(history),
        **_places(history, clocks),
        **_travel(history, clocks),
    }


def ratio(value: float, base: float) -> float:
    """Return value / base, NaN where base is not positive."""
    return value / base if base > 0 else math.nan


def age_us(clocks: list[int], since: int) -> int:
    """Return how long ago a moment was at the last of some moments, without the long silences
    since.
    """
    silences = [b - a for a, b in pairwise(clocks) if a >= since and b - a > LONGEST_SILENCE_US]
    return clocks[-1] - since - sum(silences)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else math.nan


def _is_night(payment: np.void) -> bool:
    hour = payment["at_us"] // HOUR_US % 24
    return bool(hour >= 22 or hour < 6)


def _weekday(payment: np.void) -> int:
    return int(np.datetime64(int(payment["at_us"]), "us").astype(object).weekday())


def _payment(payment: np.void) -> Features:
    own = ("amount", "installments", "attempt_number", "credit_card", "debit_card", "app", "three_d_secure")
    return {
        **{name: float(payment[name]) for name in own},
        "amount_per_installment": payment["amount"] / max(payment["installments"], 1),
        "whole_amount": float(round(float(payment["amount"]) * 100) % 100 == 0),
        "hour": payment["at_us"] // HOUR_US % 24,
        "weekday": _weekday(payment),
        "night": float(_is_night(payment)),
        "weekend": float(_weekday(payment) in (5, 6)),
    }


def _habits(history: list[np.void], clocks: list[int]) -> Features:
    earlier, gaps = history[:-1], [gap if gap <= LONGEST_SILENCE_US else 0 for gap in np.diff(clocks[:-1])]
    gap = float(np.mean(gaps)) if gaps else math.nan
    since = clocks[-1] - clocks[-2] if earlier else math.nan
    return {
        "payments_before": len(earlier),
        "card_age_d": age_us(clocks, clocks[0]) / DAY_US,
        "since_last_s": since / 1e6,
        "gap_mean_h": gap / HOUR_US,
        "gap_over_mean": ratio(since, gap),
        "night_share": _mean(map(_is_night, earlier)),
        "weekend_share": _mean(_weekday(p) >= 5 for p in earlier),
        "installments_mean": _mean(float(p["installments"]) for p in earlier),
        "currency_changed": float(bool(earlier) and history[-1]["currency"] != earlier[-1]["currency"]),
    }


def _windows(amounts: list[float], clocks: list[int]) -> Features:
    features: Features = {}
    for name, (slot_us, slots) in WINDOWS.items():
        inside = [a for a, c in zip(amounts, clocks, strict=True) if clocks[-1] // slot_us - c // slot_us < slots]
        features |= {f"payments_{name}": len(inside), f"amount_{name}": sum(inside)}
        features |= {f"amount_mean_{name}": float(np.mean(inside)), f"amount_sd_{name}": float(np.std(inside))}
    days = {clock // DAY_US for clock in clocks}
    return {
        **features,
        "active_days_30d": sum(clocks[-1] // DAY_US - day < 30 for day in days),
        "payments_24h_over_30d": 30 * features["payments_24h"] / features["payments_30d"],
        "amount_24h_over_30d": ratio(30 * features["amount_24h"], features["amount_30d"]),
    }


def _decayed(amounts: list[float], clocks: list[int]) -> Features:
    features: Features = {}
    for name, half_life_s in HALVED.items():
        weights = [0.5 ** ((clocks[-1] - c) / 1e6 / half_life_s) for c in clocks]
        features[f"payments_{name}_decayed"] = sum(weights)
        features[f"amount_{name}_decayed"] = sum(w * a for w, a in zip(weights, amounts, strict=True))
    return features


def _clipped(amounts: list[float]) -> tuple[list[float], list[float]]:
    """Return amounts as they enter mean and deviation, and by how many deviations the high ones
    were high, 0 for the rest.
    """
    entered: list[float] = []
    high: list[float] = []
    for amount in amounts:
        mean, ceiling, deviation = 0.0, math.inf, math.inf
        if len(entered) >= 5:
            mean = float(np.mean(entered))
            deviation = max(float(np.std(entered)), mean / 10)
            ceiling = mean + 2.5 * deviation
        entered.append(min(amount, ceiling))
        high.append((amount - mean) / deviation if amount > ceiling else 0)
    return entered, high


def _amount(amounts: list[float], windows: Features) -> Features:
    *earlier, amount = amounts
    entered, logs = _clipped(earlier)[0], [math.log1p(a) for a in earlier]
    mean, deviation = (float(np.mean(entered)), float(np.std(entered))) if earlier else (math.nan, math.nan)
    log_mean, log_deviation = (float(np.mean(logs)), float(np.std(logs))) if earlier else (math.nan, math.nan)
    return {
        "amount_mean": mean,
        "amount_sd": deviation,
        "amount_above_mean": amount - mean,
        "amount_over_mean": ratio(amount, mean),
        "amount_z": ratio(amount - mean, max(deviation, mean / 10)),
        "amount_log_z": (math.log1p(amount) - log_mean) / max(log_deviation, 0.1),
        "amount_over_max": ratio(amount, max(earlier, default=0)),
        "amount_over_last": ratio(amount, earlier[-1] if earlier else 0),
        "amount_over_mean_7d": ratio(amount, windows["amount_mean_7d"]),
        "amount_over_mean_30d": ratio(amount, windows["amount_mean_30d"]),
    }


def _highs(amounts: list[float], clocks: list[int]) -> Features:
    seconds = [clock // 1_000_000 for clock in clocks]
    high = [(seconds[-1] - s, z) for s, z in zip(seconds[:-1], _clipped(amounts[:-1])[1], strict=True) if z][-HIGHS:]

    def within(days: int) -> list[float]:
        return [min(math.floor(4 * z), 255) / 4 for s, z in high if s < days * 86_400]

    counts = {f"high_{days}d": float(len(within(days))) for days in (1, 3, 7, 14)}
    highest = {f"high_z_{days}d": max(within(days), default=0) for days in (3, 14)}
    return {**counts, **highest, "since_high_h": high[-1][0] / 3600 if high else math.nan}


def _customer(history: list[np.void]) -> Features:
    *before, customer = (int(p["customer"]) for p in history)
    earlier = [each for each in before if each]
    compared_with = {"customer_changed": earlier[-1:], "customer_not_first": earlier[:1]}
    return {name: float(customer != than[0]) if than and customer else math.nan for name, than in compared_with.items()}


def _places(history: list[np.void], clocks: list[int]) -> Features:
    features: Features = {}
    for kind, age, plural in (
        ("device", "device_age_h", "devices"),
        ("country", "country_age_h", "countries"),
        ("seller", "seller_known_h", "sellers"),
    ):
        known = [(int(p[kind]), clock) for p, clock in zip(history, clocks, strict=True) if p[kind]]
        came = [place for place, _ in known]
        features |= dict.fromkeys((f"new_{kind}", age, f"{kind}_changed"), math.nan)
        if history[-1][kind]:
            before, since = _remembered(known[:-1]), clocks[-1]
            features[f"new_{kind}"] = float(came[-1] not in before)
            features[age] = age_us(clocks, before.get(came[-1], since)) / HOUR_US
            features[f"{kind}_changed"] = float(len(came) > 1 and came[-1] != came[-2])
        features[f"{plural}_distinct"] = _estimated(came)
        today = clocks[-1] // DAY_US
        features[f"{plural}_2d"] = _estimated([place for place, clock in known if today - clock // DAY_US < 2])
    for absent in ("seller_changed", "countries_2d"):
        del features[absent]
    return features


def _remembered(known: list[tuple[int, int]]) -> dict[int, int]:
    """Return the last places of those that came (place, when), each with the moment it first came
    since it was last forgotten.
    """
    remembered: dict[int, int] = {}
    for place, clock in known:
        since = remembered.pop(place, clock)
        remembered = dict([*remembered.items(), (place, since)][-PLACES:])
    return remembered


def _estimated(places: list[int]) -> float:
    """Estimate the number of distinct places by linear counting over 64 bits."""
    return 64 * math.log(64 / max(64 - len({place % 64 for place in places}), 0.5))


def _travel(history: list[np.void], clocks: list[int]) -> Features:
    unknown = dict.fromkeys(("distance_km", "speed_km_h", "impossible_travel"), math.nan)
    located = [(p, c) for p, c in zip(history, clocks, strict=True) if not np.isnan([p["latitude"], p["longitude"]]).any()]
    if len(located) < 2 or located[-1][0] is not history[-1]:
        return unknown
    (before, left), (after, came) = located[-2:]
    km = _great_circle_km(before, after)
    speed = km / max((came - left) / HOUR_US, 1 / 60)
    return {"distance_km": km, "speed_km_h": speed, "impossible_travel": float(km > 100 and speed > 900)}


def _great_circle_km(one: np.void, other: np.void) -> float:
    """Return the distance by the angle between the two directions from the centre of the Earth."""

    def direction(place: np.void) -> np.ndarray:
        latitude, longitude = math.radians(place["latitude"]), math.radians(place["longitude"])
        level = math.cos(latitude)
        return np.array([level * math.cos(longitude), level * math.sin(longitude), math.sin(latitude)])

    a, b = direction(one), direction(other)
    return 6371 * math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
