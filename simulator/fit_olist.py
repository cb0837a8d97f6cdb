"""Fit the shop's statistics to the Olist archive: `python -m simulator.fit_olist olist.zip` writes
fitted/olist.json.

Only aggregates leave the archive (shares, quantiles, counts per city, factors per hour), never a
row: the data are CC BY-NC-SA.
"""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer

from simulator.olist_archive import Frames, read_archive

OUT = Path(__file__).parent / "fitted" / "olist.json"
STEPS = np.linspace(0.005, 0.995, 41)  # without the outermost half percent, which is single rows
PLACES = 500
FEWEST = 100  # lines below which a category is left out: its quantiles would be single rows
# Amounts in cents up to which installments are counted together.
BANDS = [2_500, 5_000, 10_000, 20_000, 40_000, 10_000_000]
# Days after the promised date up to which review scores are counted together.
LATENESS = [0.0, 3.0, 10.0, 1000.0]
METHODS = ["credit_card", "boleto", "voucher", "debit_card"]


def _shares(values: pd.Series, most: int) -> list[float]:
    """Shares of 1, 2, … `most` among whole numbers, larger ones counted as `most`."""
    counts = np.bincount(values.clip(1, most).astype(int).to_numpy(), minlength=most + 1)[1:]
    return [round(float(c), 5) for c in counts / counts.sum()]


def _quantiles(values: pd.Series, digits: int = 3) -> list[float]:
    clean = values.dropna().to_numpy(dtype=float)
    return [round(float(q), digits) for q in np.quantile(clean, STEPS)]


def _days(later: pd.Series, earlier: pd.Series) -> pd.Series:
    days = (later - earlier).dt.total_seconds() / 86_400
    return days[days >= 0]


def _top_tenth(counts: "pd.Series[int]") -> float:
    """Share of the total that the largest tenth holds."""
    ordered = counts.sort_values(ascending=False).to_numpy(dtype=float)
    return round(float(ordered[: len(ordered) // 10].sum() / ordered.sum()), 4)


def fit_categories(frames: Frames) -> list[dict[str, Any]]:
    """Per category its share of lines sold, share of products, and price quantiles in cents."""
    lines = frames.items.merge(frames.products, on="product_id")
    products = frames.products["category"].value_counts(normalize=True)
    return [
        {
            "name": str(name),
            "share": round(len(group) / len(lines), 6),
            "products": round(float(products[name]), 6),
            "prices": _quantiles(group["price"] * 100, 0),
        }
        for name, group in lines.groupby("category")
        if len(group) >= FEWEST
    ]


def _map(frames: Frames) -> pd.DataFrame:
    """Cities with their state, number of customers and of sellers, latitude and longitude; most
    customers first.
    """
    at = frames.geolocation.rename(columns=lambda name: name.removeprefix("geolocation_"))
    at = at.groupby(["city", "state"])[["lat", "lng"]].median().reset_index()
    for who, table in (("customer", frames.customers), ("seller", frames.sellers)):
        counts = table.groupby([f"{who}_city", f"{who}_state"]).size().reset_index()
        counts.columns = pd.Index(["city", "state", f"{who}s"])
        at = at.merge(counts, on=["city", "state"], how="left")
    return at.fillna({"customers": 0, "sellers": 0}).nlargest(PLACES, "customers")


def fit_places(frames: Frames) -> list[dict[Hashable, Any]]:
    """The cities with most customers: how many customers and sellers each has, and where it
    lies.
    """
    places = _map(frames).astype({"customers": int, "sellers": int}).round({"lat": 3, "lng": 3})
    return places.rename(columns={"lat": "latitude", "lng": "longitude"}).to_dict("records")


def fit_week(frames: Frames) -> list[float]:
    """168 factors of mean 1, Monday 0 h local time first: how busy the shop is."""
    bought = frames.orders["order_purchase_timestamp"]
    counts = np.bincount(bought.dt.dayofweek * 24 + bought.dt.hour, minlength=168)
    return [round(float(c), 4) for c in counts / counts.mean()]


def fit_holiday(frames: Frames, day: str, offsets: range) -> list[float]:
    """Orders of the days around `day`, each over the median of the same weekday in the four weeks
    before and after.
    """
    daily = frames.orders.set_index("order_purchase_timestamp").resample("D").size()
    factors = []
    for offset in offsets:
        date = pd.Timestamp(day) + pd.Timedelta(days=offset)
        peers = [daily[date + pd.Timedelta(weeks=w)] for w in range(-4, 5) if w != 0]
        factors.append(round(float(daily[date] / np.median(peers)), 3))
    return factors


def fit_orders(frames: Frames) -> dict[str, Any]:
    """Lines per order, pieces per line, and how unequal products and sellers are."""
    pieces = frames.items.groupby(["order_id", "product_id"]).size()
    status = frames.orders["order_status"].value_counts(normalize=True)
    return {
        "lines": _shares(pieces.groupby("order_id").size(), 5),
        "pieces": _shares(pieces, 6),
        "cancelled": round(float(status["canceled"]), 5),
        "unavailable": round(float(status["unavailable"]), 5),
        "product_top_tenth": _top_tenth(frames.items["product_id"].value_counts()),
        "seller_top_tenth": _top_tenth(frames.items["seller_id"].value_counts()),
    }


def fit_freight(frames: Frames) -> dict[str, list[float]]:
    """Quantiles of a line's freight in cents, inside a state and across states."""
    lines = _with_states(frames)
    same = lines["customer_state"] == lines["seller_state"]
    return {"same_state": _quantiles(lines[same]["freight"], 0), "other_state": _quantiles(lines[~same]["freight"], 0)}


def _with_states(frames: Frames) -> pd.DataFrame:
    lines = frames.items.merge(frames.sellers, on="seller_id").merge(frames.orders, on="order_id")
    lines = lines.merge(frames.customers, on="customer_id")
    return lines.assign(freight=lines["freight_value"] * 100)


def fit_payments(frames: Frames) -> dict[str, Any]:
    """Mix of methods, and installments of credit cards by amount."""
    first = frames.payments[(frames.payments["payment_sequential"] == 1) & frames.payments["payment_type"].isin(METHODS)]
    cards = first[first["payment_type"] == "credit_card"]
    band = np.searchsorted(BANDS, cards["payment_value"] * 100)
    mix = first["payment_type"].value_counts(normalize=True)
    return {
        "methods": {method: round(float(mix[method]), 5) for method in METHODS},
        "installment_bands": BANDS,
        "installments": [_shares(cards["payment_installments"][band == b], 12) for b in range(len(BANDS))],
    }


def fit_delays(frames: Frames) -> dict[str, Any]:
    """Quantiles in days: approval by method, hand-over to the carrier, transport and promise by
    distance.
    """
    orders = _with_states(frames).drop_duplicates("order_id")
    method = frames.payments.drop_duplicates("order_id")[["order_id", "payment_type"]]
    orders = orders.merge(method, on="order_id")
    same = orders["customer_state"] == orders["seller_state"]
    distances = (("same_state", same), ("other_state", ~same))
    return {
        "approval": {method: _quantiles(_approval(orders[orders["payment_type"] == method]), 5) for method in METHODS},
        "carrier": _quantiles(_days(orders["order_delivered_carrier_date"], orders["order_approved_at"])),
        "transport": {key: _quantiles(_transport(orders[mask])) for key, mask in distances},
        "promise": {key: _quantiles(_promise(orders[mask])) for key, mask in distances},
    }


def _approval(orders: pd.DataFrame) -> pd.Series:
    return _days(orders["order_approved_at"], orders["order_purchase_timestamp"])


def _transport(orders: pd.DataFrame) -> pd.Series:
    return _days(orders["order_delivered_customer_date"], orders["order_delivered_carrier_date"])


def _promise(orders: pd.DataFrame) -> pd.Series:
    return _days(orders["order_estimated_delivery_date"], orders["order_purchase_timestamp"])


def fit_reviews(frames: Frames) -> dict[str, Any]:
    """Scores by how late the delivery was, days until the review, and who writes a title or a
    text.
    """
    reviews = frames.reviews.merge(frames.orders, on="order_id").dropna(subset=["order_delivered_customer_date"])
    late = (reviews["order_delivered_customer_date"] - reviews["order_estimated_delivery_date"]).dt.total_seconds() / 86_400
    band = np.searchsorted(LATENESS, late)
    return {
        "lateness": LATENESS,
        "scores": [_shares(reviews["review_score"][band == b], 5) for b in range(len(LATENESS))],
        "delay": _quantiles(_days(reviews["review_answer_timestamp"], reviews["order_delivered_customer_date"]).clip(0, 60)),
        "titled": round(float(reviews["review_comment_title"].notna().mean()), 4),
        "commented": round(float(reviews["review_comment_message"].notna().mean()), 4),
    }


def fit(frames: Frames) -> dict[str, Any]:
    """Everything the shop takes from Olist."""
    return {
        "source": "Fitted by simulator/fit_olist.py to the Brazilian E-Commerce Public Dataset by Olist (aggregates only).",
        "categories": fit_categories(frames),
        "places": fit_places(frames),
        "week": fit_week(frames),
        "black_friday": fit_holiday(frames, "2017-11-24", range(-1, 4)),
        "christmas": fit_holiday(frames, "2017-12-25", range(-1, 1)),
        "orders": fit_orders(frames),
        "freight": fit_freight(frames),
        "payments": fit_payments(frames),
        "delays": fit_delays(frames),
        "reviews": fit_reviews(frames),
    }


def main(archive: Path, out: Path = OUT) -> None:
    """Fit the statistics to ARCHIVE and write them to OUT."""
    out.write_text(json.dumps(fit(read_archive(archive)), separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    typer.run(main)
