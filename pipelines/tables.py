"""Every table there is, by name: the tuples of the layers, and what is a table without a topic."""

from collections.abc import Mapping
from typing import TypeVar

from pipelines.base.errors import SettingsError
from pipelines.bronze import events
from pipelines.gold import AGGREGATED
from pipelines.gold.aggregating import Gold
from pipelines.silver import REFINED, quarantine
from pipelines.silver.refining import Silver
from pipelines.table import Table

Kind = TypeVar("Kind")

SILVER: Mapping[str, Silver] = {silver.TABLE.name: silver for silver in REFINED}
GOLD: Mapping[str, Gold] = {gold.TABLE.name: gold for gold in AGGREGATED}
TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        events.TABLE,
        *(silver.TABLE for silver in REFINED),
        quarantine.TABLE,
        *(gold.TABLE for gold in AGGREGATED),
    )
}


def table_named(name: str) -> Table:
    """Return the table of that name; raises SettingsError naming the ones there are."""
    return _named(name, TABLES, "There is no table {}")


def silver_named(name: str) -> Silver:
    """Return the module of a silver table; raises SettingsError where it is not refined from
    bronze.
    """
    return _named(name, SILVER, "{} is not refined from a topic")


def refined_from(topic: str) -> Silver:
    """Return the module of the silver table that is refined from a topic; raises SettingsError
    where none is.
    """
    return _named(topic, {str(silver.TABLE.topic): silver for silver in REFINED}, "No table is refined from {}")


def gold_named(name: str) -> Gold:
    """Return the module of a gold table; raises SettingsError where it is no aggregate of
    silver.
    """
    return _named(name, GOLD, "{} is not aggregated from silver")


def _named(name: str, known: Mapping[str, Kind], refusal: str) -> Kind:
    if name not in known:
        raise SettingsError(f"{refusal.format(name)}: choose one of {', '.join(known)}.")
    return known[name]
