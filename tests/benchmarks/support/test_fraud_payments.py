"""The moment of a payment is read from its framed bytes without decoding all of it."""

from benchmarks.support.fraud_payments import a_payment, event_at_us
from pipelines.contracts import schemas
from simulator.encoding import framed


def test_the_moment_of_a_payment_is_read_from_its_bytes() -> None:
    payment = a_payment(7)
    assert event_at_us(framed(schemas.reader("shop.payments"), 300)(payment)) == payment["event_at"]
