"""What a running shop has shown since it was saved, so that a run that is killed can be repeated:
the same lists at the same pages, and so the same events.

A line of JSON an exposure, written before its event is sent. It survives the process, not the
machine: after a power failure what was sent in the last seconds may differ from what is sent again.
"""

import json
from pathlib import Path
from typing import Any, Self

from simulator.shop.exposures import Offer, Offers


class OfferJournal:
    """Offers that are written down by the exposure that shows them."""

    def __init__(self, offers: Offers, file: Path) -> None:
        self._offers, self._file = offers, file
        self._lines = file.open("w", encoding="utf-8")

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        """Return the newest list of a session, None where there is none but the one `shown`."""
        offer = self._offers.newer(session_id, shown, exposure_id)
        if offer is not None:
            self._lines.write(json.dumps([exposure_id, *offer]) + "\n")
            self._lines.flush()
        return offer

    def begin_anew(self) -> None:
        """Forget what was shown before the shop was saved."""
        self._lines.truncate(0)
        self._lines.seek(0)

    def close(self) -> None:
        """Close the file, which stays."""
        self._lines.close()


class RepeatedOffers:
    """Offers as a journal has them, for a run that repeats another."""

    def __init__(self, shown: dict[str, Offer]) -> None:
        self._shown = shown

    @classmethod
    def of(cls, file: Path) -> Self:
        """Return what a journal holds: nothing where there is none, and not a line that cannot be
        read: of one that was cut short by the end of the process the event was never sent.
        """
        lines = file.read_bytes().splitlines() if file.is_file() else []
        shown = (offer for line in lines if (offer := _shown(line)) is not None)
        return cls({exposure_id: Offer(*offer) for exposure_id, *offer in shown})

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        """Return the list that this exposure showed, None where it showed none."""
        return self._shown.get(exposure_id)


def _shown(line: bytes) -> list[Any] | None:
    try:
        shown = json.loads(line)
    except ValueError:
        return None
    return shown if isinstance(shown, list) and len(shown) == 1 + len(Offer._fields) else None
