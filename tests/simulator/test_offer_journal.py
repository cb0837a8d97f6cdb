"""A run that was killed is repeated with the lists that it showed."""

from contextlib import closing
from pathlib import Path

from simulator.offer_journal import OfferJournal, RepeatedOffers
from simulator.offers import NewestOffers
from simulator.shop.exposures import Offer

OFFER = Offer("recommendation-1", ["product-é", "product-2"], ["session", "popular"], "interleaved", None)


def shown(file: Path) -> list[Offer | None]:
    return [RepeatedOffers.of(file).newer("", None, f"exposure-{number}") for number in range(1, 5)]


def a_journal(file: Path) -> OfferJournal:
    offers = NewestOffers()
    offers.put("session-1", OFFER)
    return OfferJournal(offers, file)


def test_what_was_shown_is_shown_again_at_the_same_page_and_nothing_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "shown.jsonl"
    with closing(a_journal(file)) as journal:
        assert journal.newer("session-1", None, "exposure-2") == OFFER
        assert journal.newer("session-2", None, "exposure-3") is None
        assert shown(file) == [None, OFFER, None, None]
        journal.begin_anew()
        assert shown(file) == [None] * 4
        assert journal.newer("session-1", None, "exposure-4") == OFFER
    assert shown(file) == [None, None, None, OFFER]


def test_a_line_that_cannot_be_read_is_left_out_and_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "shown.jsonl"
    assert shown(file) == [None] * 4
    with closing(a_journal(file)) as journal:
        journal.newer("session-1", None, "exposure-1")
        journal.newer("session-1", None, "exposure-2")
    whole = file.read_bytes()
    for damaged in (whole[:-3], whole.replace(b"exposure-2", b"\xff\x00\x00"), whole[: len(whole) // 2] + b"[1]\n"):
        file.write_bytes(damaged)
        assert shown(file) == [OFFER, None, None, None]
