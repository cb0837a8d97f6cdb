"""Tables that read one topic agree on its incarnations, whichever of them has seen more."""

import pytest

from pipelines.base.errors import CheckpointError
from pipelines.streaming import incarnations
from pipelines.streaming.incarnations import Incarnation

OLD, NEW = Incarnation("old", 0), Incarnation("new", 50)


def test_a_boundary_lies_behind_the_last_record_that_any_table_held() -> None:
    later = Incarnation("new", 70)
    assert incarnations.merged([[OLD, NEW], [OLD]]) == incarnations.merged([[OLD], [OLD, NEW]]) == [OLD, NEW]
    assert incarnations.merged([[OLD, NEW], [], [OLD, later]]) == [OLD, later]
    assert incarnations.merged([]) == []


def test_a_table_that_knows_nothing_yet_refuses_nothing() -> None:
    incarnations.require_same("silver.orders", incarnations.parsed(None), {"shop.orders": "new"})


def test_only_the_topic_that_was_made_anew_is_named() -> None:
    history = {"a": [OLD], "b": [OLD, NEW], "c": [OLD]}
    assert incarnations.made_anew(history, {"a": "new", "b": "new", "c": "old", "d": "any"}) == ["a"]
    with pytest.raises(CheckpointError, match=r"^a was made anew since bronze\.events last read it: .*make recover"):
        incarnations.require_same("bronze.events", history, {"a": "new", "b": "new"})
