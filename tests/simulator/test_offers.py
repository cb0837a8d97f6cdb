"""The newest list of a session is given once, and sessions are forgotten when there are many."""

from simulator.offers import NewestOffers
from simulator.shop.exposures import Offer


def offer(number: int) -> Offer:
    return Offer(f"recommendation-{number}", ["product-1"], ["session"], "session", "1")


def test_the_newest_list_is_given_until_it_was_shown() -> None:
    offers = NewestOffers()
    assert offers.newer("session-1", None, "exposure-1") is None
    offers.put("session-1", offer(1))
    offers.put("session-1", offer(2))
    assert offers.newer("session-1", None, "exposure-2") == offer(2)
    assert offers.newer("session-1", "recommendation-2", "exposure-3") is None
    assert offers.newer("session-2", None, "exposure-4") is None


def test_the_session_that_got_no_list_for_longest_is_forgotten() -> None:
    offers = NewestOffers(remembered=2)
    for session in ("session-1", "session-2", "session-1", "session-3"):
        offers.put(session, offer(1))
    known = [session for session in ("session-1", "session-2", "session-3") if offers.newer(session, None, "exposure-1")]
    assert known == ["session-1", "session-3"]
