"""Batches of clicks as the recommender gets them: Arrow tables in the columns of silver.clicks."""

import pyarrow as pa
from builders import a_click, at

CLICKS = pa.schema(
    {
        **dict.fromkeys(("event_id", "session_id", "visitor_id", "product_id", "action"), pa.string()),
        "event_at": pa.timestamp("us", "UTC"),
    }
)
ACTIONS = ("view", "view", "add_to_cart", "view", "purchase", "view", "remove_from_cart")
SESSIONS = ["session0", "session1", "session2"]


def clicks(*numbers: int, **changes: object) -> pa.Table:
    """Build clicks by number: three sessions of three visitors take turns, a minute apart, on the
    products of `recommenders`.
    """
    rows = [
        a_click(
            **{
                "event_id": f"e{n}",
                "session_id": SESSIONS[n % 3],
                "visitor_id": f"visitor{n % 3}",
                "product_id": f"p{n * 5 % 12}",
                "action": ACTIONS[n % 7],
                "event_at": at(60 * n),
                **changes,
            }
        )
        for n in numbers
    ]
    return pa.Table.from_pylist(rows, CLICKS)
