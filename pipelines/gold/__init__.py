"""Gold tables: answers, merged at the leaves. A new one is added to AGGREGATED."""

from pipelines.gold import (
    business_metrics,
    exposure_counts,
    fraud_scores,
    item_trends,
    orders,
    recommendation_outcomes,
    recommendations,
    seller_activity,
    sessions,
    stock_levels,
)
from pipelines.gold.aggregating import Gold

AGGREGATED: tuple[Gold, ...] = (
    orders,
    business_metrics,
    stock_levels,
    seller_activity,
    fraud_scores,
    sessions,
    item_trends,
    exposure_counts,
    recommendation_outcomes,
    recommendations,
)
