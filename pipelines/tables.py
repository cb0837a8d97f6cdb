"""Every table there is, by name; a new table is added here and nowhere else."""

from collections.abc import Callable, Mapping

from pyspark.sql import DataFrame

from pipelines.base.errors import SettingsError
from pipelines.bronze import events
from pipelines.contracts.avro import Contract
from pipelines.gold import business_metrics, seller_activity, stock_levels
from pipelines.gold import fraud_scores as gold_fraud_scores
from pipelines.gold import orders as gold_orders
from pipelines.silver import chargebacks, clicks, fraud_scores, inventory, orders, payments, quarantine, reviews
from pipelines.table import Table

Refine = Callable[[DataFrame, Contract], DataFrame]

# The silver tables that are refined from a topic, which bronze keeps too.
REFINED: Mapping[str, tuple[Table, Refine]] = {
    module.TABLE.name: (module.TABLE, module.refine)
    for module in (orders, payments, clicks, inventory, chargebacks, reviews, fraud_scores)
}

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        events.TABLE,
        *(table for table, _ in REFINED.values()),
        quarantine.TABLE,
        gold_orders.TABLE,
        business_metrics.TABLE,
        stock_levels.TABLE,
        seller_activity.TABLE,
        gold_fraud_scores.TABLE,
    )
}


def table_named(name: str) -> Table:
    """Return the table of that name; raises SettingsError naming the ones there are."""
    if name not in TABLES:
        raise SettingsError(f"There is no table {name}: choose one of {', '.join(TABLES)}.")
    return TABLES[name]


def refined(name: str) -> tuple[Table, Refine]:
    """Return a silver table and the function that refines it; raises SettingsError where it is not
    refined from bronze.
    """
    if name not in REFINED:
        raise SettingsError(f"{name} cannot be rebuilt from bronze: choose one of {', '.join(REFINED)}.")
    return REFINED[name]
