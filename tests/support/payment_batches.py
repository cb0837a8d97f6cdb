"""Batches of payments as the scorer gets them: Arrow tables in the columns of silver.payments."""

import pyarrow as pa
from builders import a_payment, at
from fraud_models import DEAR

PAYMENTS = pa.schema(
    {
        **dict.fromkeys(("event_id", "payment_id", "card_id", "customer_id", "seller_id", "device_id"), pa.string()),
        **dict.fromkeys(("country", "currency", "method", "channel"), pa.string()),
        "event_at": pa.timestamp("us", "UTC"),
        "amount": pa.decimal128(12, 2),
        **dict.fromkeys(("installments", "attempt_number"), pa.int32()),
        **dict.fromkeys(("latitude", "longitude"), pa.float64()),
        "three_d_secure": pa.bool_(),
    }
)


def payments(*numbers: int, **changes: object) -> pa.Table:
    """Build payments by number: three cards take turns on two devices, a minute apart, every fifth
    one is dear.
    """
    rows = [
        a_payment(
            **{
                "event_id": f"e{n}",
                "payment_id": f"p{n}",
                "card_id": f"card{n % 3}",
                "device_id": f"device{n % 2}",
                "event_at": at(60 * n),
                "amount": 2 * DEAR if n % 5 == 4 else 10 + n,
                **changes,
            }
        )
        for n in numbers
    ]
    return pa.Table.from_pylist([{**row, "amount": round(row["amount"])} for row in rows], PAYMENTS)
