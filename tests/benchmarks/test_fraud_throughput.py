"""A backlog is the shop's payments as often as it takes, never twice the same."""

from itertools import islice

from benchmarks.fraud_throughput import copies

HISTORY = [
    {"event_id": f"e{i}", "payment_id": f"p{i}", "card_id": f"c{i % 2}", "device_id": f"d{i % 2}", "amount": i}
    for i in range(3)
]


def test_no_payment_comes_twice_and_each_copy_is_by_cards_and_devices_of_its_own() -> None:
    made = list(islice(copies(HISTORY), 7))
    assert len({payment["event_id"] for payment in made}) == len({payment["payment_id"] for payment in made}) == 7
    assert [payment["amount"] for payment in made] == [0, 1, 2, 0, 1, 2, 0]
    assert len({payment["card_id"] for payment in made}) == 5
    assert len({payment["device_id"] for payment in made}) == 5
    assert made[0]["card_id"] == made[2]["card_id"]
