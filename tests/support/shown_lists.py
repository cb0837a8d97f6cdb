"""Rows that answer the recommendations page's questions as Trino would: lists shown in four
variants, one session's list, and what trends.
"""

from datetime import datetime, timedelta
from typing import Any

from dashboards.pages.recommendations import queries

Rows = dict[str, list[list[Any]]]
HOUR = timedelta(hours=1)
REASONS = ("next after product-2a-0010", "seen together with product-2a-0007", "trending in bed_bath_table", "trending")
CATEGORIES = ("bed_bath_table", "health_beauty", "toys", "watches_gifts", "computers_accessories", "telephony")
TRENDING = 12


def rows(now: datetime) -> Rows:
    """Return the rows of each question that is asked with no session in it."""
    return {
        queries.NEWEST: [[now]],
        queries.STEPS: [_step(now - back * timedelta(minutes=30), v, back) for back in range(10) for v in range(3)],
        queries.OUTCOMES: [row for variant in ("session", "popular", "interleaved") for row in _outcomes(variant)],
        queries.CONVERSIONS: [
            ["interleaved", "conversion", 2000, 3000, 120, 1.2, 0.06, 0.02],
            ["none", "conversion", 1000, 1500, 45, 1.2, 0.05, 0.02],
            ["popular", "conversion", 2500, 4000, 140, 1.2, 0.05, 0.02],
            ["session", "conversion", 4500, 7000, 294, 1.2, 0.06, 0.02],
        ],
        queries.WINS: [[700, 450, 300]],
        queries.COVERED: [["session", 812], ["popular", 40], ["interleaved", 700], [None, 900]],
        queries.CATALOGUE: [[2000]],
        queries.MADE: [
            ["recommendations", "4", "session", 900, 2, now, now - HOUR],
            ["recommendations", "4", "trending", 80, 0, now, now - HOUR],
            ["recommendations", None, "trending", 20, 20, now - HOUR, None],
        ],
        queries.TRENDS: [
            [f"product-2a-{i:04x}", now - HOUR, now, 90 - 5 * i, 140 - 9 * i, 12 - i, 3 * (i % 2), 8 * i]
            for i in range(TRENDING)
        ],
        queries.CATEGORIES: [[f"product-2a-{i:04x}", CATEGORIES[i % len(CATEGORIES)]] for i in range(3, 16)],
        queries.SESSIONS: [["session-a"], ["session-b"]],
    }


def a_list(session: str, now: datetime, **changes: Any) -> list[Any]:
    """Return the row of a session's newest list."""
    row = queries.Recommended(
        session_id=session,
        visitor_id="visitor-1",
        event_at=now,
        products=[f"product-2a-{i:04x}" for i in range(10)],
        scores=[round(0.9 - i / 20, 3) for i in range(10)],
        reasons=[REASONS[i * len(REASONS) // 10] for i in range(10)],
        teams=["session"] * 10,
        fallback="session",
        variant="session",
        left_out=[2, 1, 0, 3],
        model_name="recommendations",
        model_version="4",
        degraded=False,
        recommended_at=now,
    )
    return [*row._replace(**changes)]


def clicks(now: datetime) -> list[list[Any]]:
    """Return the rows of the clicks that led to a list, the newest first."""
    actions = ("view", "add_to_cart", "view", "remove_from_cart", "purchase", "view")
    return [[now - i * timedelta(seconds=40), action, f"product-2a-{16 - i:04x}"] for i, action in enumerate(actions)]


def _step(at: datetime, variant: int, back: int) -> list[Any]:
    lists = 400 + 10 * back
    return [
        at,
        ("session", "interleaved", "popular")[variant],
        lists,
        130 - 45 * variant + 3 * back,
        10 * lists,
        170 - 50 * variant,
    ]


def _outcomes(variant: str) -> list[list[Any]]:
    better = variant != "popular"
    shares = {"viewed": (0.3, 0.2), "carted": (0.06, 0.05), "bought": (0.02, 0.018)}
    lists = [
        [variant, measure, 3000, 12_000, int(12_000 * (ours if better else rival)), 9.0, 2.0, 2.0]
        for measure, (ours, rival) in shares.items()
    ]
    return [[variant, "clicked", 3000, 120_000, 5000 if better else 3000, 900.0, 3.0, 20.0], *lists]
