"""The benchmark's clicks are of the contract, and its sessions come back again and again."""

from benchmarks.support.bench_clicks import SESSIONS, a_click
from pipelines.contracts import schemas
from simulator.encoding import framed

TOPIC = "shop.clicks"


def test_clicks_can_be_sent_by_the_contract() -> None:
    encode = framed(schemas.reader(TOPIC), 7)
    assert all(encode(a_click(number))[:5] == b"\x00\x00\x00\x00\x07" for number in range(20))


def test_every_session_comes_once_in_a_round_and_goes_on_in_the_next() -> None:
    first = [a_click(number) for number in range(SESSIONS)]
    assert len({click["session_id"] for click in first}) == SESSIONS
    again = a_click(SESSIONS)
    assert (again["session_id"], again["position"]) == (first[0]["session_id"], 2)
    assert again["product_id"] != first[0]["product_id"]
