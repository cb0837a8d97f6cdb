"""Tables are found by name, and a wrong name is answered with those there are."""

import pytest

from pipelines.base.errors import SettingsError
from pipelines.table import Append, Merge
from pipelines.tables import GOLD, SILVER, TABLES, gold_named, silver_named, table_named


@pytest.mark.parametrize("name", ["silver.orders", "gold.oders"])
def test_what_is_no_gold_table_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} is not aggregated .*: choose one of gold\.orders, gold\.business"):
        gold_named(name)


@pytest.mark.parametrize("name", ["gold.orders", "silver.quarantine", "bronze.events"])
def test_what_is_not_refined_from_a_topic_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} is not refined .*: choose one of silver\.orders, silver\.payments"):
        silver_named(name)


def test_what_is_no_table_is_refused_with_all_there_are() -> None:
    with pytest.raises(SettingsError, match=r"There is no table gold\.x: choose one of bronze\.events, silver\.orders"):
        table_named("gold.x")


@pytest.mark.parametrize("name", TABLES)
def test_streams_read_only_tables_that_are_appended_to(name: str) -> None:
    table = TABLES[name]
    assert all(isinstance(TABLES[source].written, Append) for source in table.made_from)
    assert isinstance(table.written, Merge) == (name in GOLD)
    assert (table.topic is not None) == (name in SILVER)


@pytest.mark.parametrize("name", GOLD)
def test_a_gold_table_s_verb_names_the_tables_it_is_made_from(name: str) -> None:
    gold = GOLD[name]
    sources = [source.partition(".")[2] for source in gold.TABLE.made_from]
    named = [each for each in gold.aggregate.__annotations__ if each not in ("return", "lateness")]
    assert named == sources
