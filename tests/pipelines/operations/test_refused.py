"""What was refused and has not come back is counted by topic and reason, with the newest
examples.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import a_contract, a_review, framed
from small_lake import REVIEWS, SmallLake, archived, refined

from pipelines.contracts.single_records import decoder
from pipelines.operations.duplicates import Conflict, Place
from pipelines.operations.refused import Refused, conflicting, refused
from pipelines.silver import REFINED, quarantine, reviews

AHEAD, BLANK = "event_at_in_the_future", "broken_rule:order_id_not_blank"
decode = decoder(a_contract(REVIEWS))


@pytest.fixture
def lake(own_settings: Path) -> Iterator[SmallLake]:
    made = SmallLake(own_settings)
    yield made
    made.catalogue.close()


def row(offset: int, reason: str, ago_s: float = 1.0, event_id: str = "", **changes: Any) -> dict[str, Any]:
    value = framed(REVIEWS, a_review(event_id=event_id or str(offset)))
    return archived(offset, value, ago_s, reason=reason, key=b"o1", **changes)


def decodes(topic: str, value: bytes | None) -> Mapping[str, Any] | None:
    return decode(value) if topic == REVIEWS else None


def look(lake: SmallLake, topic: str | None = None, reason: str | None = None, examples: int = 2) -> list[Refused]:
    return refused(lake.catalogue, REFINED, decodes, topic, reason, examples)


def shown(each: Refused) -> tuple[str, str, int, list[int]]:
    return each.topic, each.reason, each.records, [example.offset for example in each.examples]


def test_records_are_counted_by_topic_and_reason_with_the_newest(lake: SmallLake) -> None:
    lake.append(quarantine.TABLE, *(row(n, AHEAD, ago_s=100 - n) for n in range(5)), row(9, BLANK, ago_s=3))
    lake.append(quarantine.TABLE, row(0, "tombstone", topic="shop.orders", partition=1))
    first, second, third = look(lake)
    assert shown(first) == ("shop.orders", "tombstone", 1, [0])
    assert shown(second) == (REVIEWS, AHEAD, 5, [4, 3])
    assert shown(third) == (REVIEWS, BLANK, 1, [9])
    assert timedelta(seconds=99) < datetime.now(UTC) - second.since < timedelta(seconds=160)
    assert second.newest - second.since == pytest.approx(timedelta(seconds=4), abs=timedelta(seconds=1))
    newest, orders = second.examples[0], first.examples[0]
    assert (newest.partition, newest.key, newest.event and newest.event["event_id"]) == (0, b"o1", "4")
    assert (orders.partition, orders.event) == (1, None)
    assert [shown(each) for each in look(lake, REVIEWS, BLANK, examples=0)] == [(REVIEWS, BLANK, 1, [])]
    assert look(lake, "shop.payments") == []


def test_what_has_come_back_is_gone_with_its_copies(lake: SmallLake) -> None:
    lake.append(quarantine.TABLE, row(0, AHEAD), row(1, AHEAD, event_id="0"), row(2, AHEAD), row(2, AHEAD))
    assert [shown(each) for each in look(lake)] == [(REVIEWS, AHEAD, 3, [2, 1])]
    lake.append(reviews.TABLE, refined(0))
    assert [shown(each) for each in look(lake)] == [(REVIEWS, AHEAD, 1, [2])]
    lake.append(reviews.TABLE, refined(2))
    assert look(lake) == []


def test_without_a_table_nothing_is_refused(lake: SmallLake) -> None:
    lake.catalogue.drop_table(quarantine.TABLE.name)
    assert look(lake) == []


def test_conflicts_are_shown_with_the_place_of_the_other_event(lake: SmallLake) -> None:
    lake.archive(*(archived(n, framed(REVIEWS, a_review(score=n % 5)), ago_s=50 - n, key=b"o1") for n in range(3)))
    conflicts = {REVIEWS: [Conflict(Place(0, n), Place(0, 0), "e1", is_first=True) for n in (1, 2)]}
    (found,) = conflicting(lake.catalogue, conflicts, decodes, 1)
    assert shown(found) == (REVIEWS, "id_conflict", 2, [2])
    assert (found.examples[0].held, found.examples[0].event and found.examples[0].event["score"]) == ("0-0", 2)
    assert conflicting(lake.catalogue, {}, decodes, 1) == []
