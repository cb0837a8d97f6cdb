"""Run every query of the laptop in one driver: bronze, silver, quarantine, gold, the fraud scorer,
seller states and upkeep.
"""

from jobs.streams import (
    aggregate_business_metrics,
    aggregate_fraud_scores,
    aggregate_orders,
    aggregate_seller_activity,
    aggregate_stock_levels,
    keep_events,
    quarantine_events,
    refine_chargebacks,
    refine_clicks,
    refine_fraud_scores,
    refine_inventory,
    refine_orders,
    refine_payments,
    refine_reviews,
    score_payments,
)
from pipelines.fraud import seller_states
from pipelines.operations import upkeep
from pipelines.streaming.job import run_queries

EVERY_QUERY = (
    score_payments,
    keep_events,
    refine_orders,
    refine_payments,
    refine_clicks,
    refine_inventory,
    refine_chargebacks,
    refine_reviews,
    refine_fraud_scores,
    quarantine_events,
    aggregate_orders,
    aggregate_business_metrics,
    aggregate_stock_levels,
    aggregate_seller_activity,
    aggregate_fraud_scores,
)

if __name__ == "__main__":
    run_queries("run_all", *(job.start for job in EVERY_QUERY), beside=[upkeep.beside_queries, seller_states.beside_queries])
