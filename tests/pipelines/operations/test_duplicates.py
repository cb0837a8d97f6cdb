"""Records that silver lacks are told apart by what is in them: copies of an event, also as another
schema version writes it, and events that only share an id.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import a_contract, a_review, an_order, framed, schemas
from small_lake import REVIEWS, SmallLake, archived, refined

from pipelines.contracts.contract import Contract
from pipelines.contracts.single_records import decoder
from pipelines.operations.duplicates import Conflict, Doubles, Place, positions, tell_apart
from pipelines.silver import reviews

NEWER = 2  # the id of a schema of the same fields


@pytest.fixture
def lake(own_settings: Path) -> Iterator[SmallLake]:
    made = SmallLake(own_settings)
    yield made
    made.catalogue.close()


def contract(topic: str) -> Contract:
    """The contract of reviews, with a newer version that writes the same fields."""
    schema = schemas(topic)[-1]
    return Contract(topic, schema, {1: schema, NEWER: schema})


def as_newer(value: bytes) -> bytes:
    return value[:4] + bytes([NEWER]) + value[5:]


def found(lake: SmallLake, *offsets: int) -> tuple[list[int], list[Conflict]]:
    """The copies and the conflicts among the records of these offsets."""
    doubles: Doubles = tell_apart(lake.catalogue, contract, reviews, positions(Place(0, offset) for offset in offsets))
    return doubles.copies.columns()[1].tolist(), doubles.conflicts


def review(score: int = 5, event_id: str = "first") -> bytes:
    return framed(REVIEWS, a_review(event_id=event_id, score=score))


def test_the_same_content_is_a_copy_and_other_content_is_a_conflict(lake: SmallLake) -> None:
    lake.archive(*(archived(n, value) for n, value in enumerate([review(), as_newer(review()), review(1), review(2)])))
    lake.append(reviews.TABLE, refined(0, "first"))
    assert found(lake, 1, 2, 3) == (
        [1],
        [Conflict(Place(0, 2), Place(0, 0), "first", True), Conflict(Place(0, 3), Place(0, 0), "first", True)],
    )
    assert found(lake) == ([], [])


def test_of_conflicts_with_the_same_content_one_is_the_first(lake: SmallLake) -> None:
    lake.archive(*(archived(n, value) for n, value in enumerate([review(), review(1), as_newer(review(1)), review(1)])))
    lake.append(reviews.TABLE, refined(0, "first"))
    assert [(each.place.offset, each.is_first) for each in found(lake, 3, 2, 1)[1]] == [(1, True), (2, False), (3, False)]


def test_an_event_that_silver_has_not_and_what_is_no_event_are_neither(lake: SmallLake) -> None:
    values = [review(), review(event_id="lost"), b"no event", None, b"\0\0\0\0\x01"]
    lake.archive(*(archived(n, value) for n, value in enumerate(values)))
    lake.append(reviews.TABLE, refined(0, "first"))
    assert found(lake, 1, 2, 3, 4) == ([], [])


def test_a_copy_of_an_event_that_got_an_id_of_its_own_is_a_copy(lake: SmallLake) -> None:
    lake.archive(*(archived(n, value) for n, value in enumerate([review(), review(1), as_newer(review(1)), review(3)])))
    lake.append(reviews.TABLE, refined(0, "first"), refined(1, "first#0-1"))
    assert found(lake, 2, 3) == ([2], [Conflict(Place(0, 3), Place(0, 0), "first", True)])


def test_an_event_that_got_an_id_of_its_own_is_in_conflict_with_none(lake: SmallLake) -> None:
    lake.archive(archived(1, review(1)), archived(3, review(3)))
    lake.append(reviews.TABLE, refined(1, "first#0-1"))
    assert found(lake, 3) == ([], [])


def test_an_id_that_only_looks_like_one_of_its_own_is_another_event(lake: SmallLake) -> None:
    lake.archive(archived(0, review(event_id="first#7-7")), archived(1, review()), archived(2, review(1, "first#7-7")))
    lake.append(reviews.TABLE, refined(0, "first#7-7"))
    assert found(lake, 1, 2) == ([], [Conflict(Place(0, 2), Place(0, 0), "first#7-7", True)])


def test_an_order_of_the_first_schema_and_its_copy_of_the_second_are_one() -> None:
    decode = decoder(a_contract("shop.orders"))
    old, new = (framed("shop.orders", an_order(), version) for version in (1, 2))
    assert old != new
    assert decode(old) == decode(new) is not None
