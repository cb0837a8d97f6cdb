"""The newest list of each session, as far as a shop that shows lists remembers them."""

from threading import Lock

from simulator.shop.exposures import Offer

REMEMBERED = 20_000  # sessions: some hours of visitors


class NewestOffers:
    """The lists that came last, by session; one thread puts them in while another shows them."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._offers: dict[str, Offer] = {}
        self._lock = Lock()

    def put(self, session_id: str, offer: Offer) -> None:
        """Take a list for a session's newest, and forget the session of which none came for
        longest.
        """
        with self._lock:
            self._offers.pop(session_id, None)
            self._offers[session_id] = offer
            if len(self._offers) > self._remembered:
                del self._offers[next(iter(self._offers))]

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        """Return the newest list of a session, None where there is none but the one `shown`."""
        with self._lock:
            offer = self._offers.get(session_id)
        return None if offer is None or offer.recommendation_id == shown else offer
