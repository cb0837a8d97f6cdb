"""Gold tables: answers, merged at the leaves. A new one is added to AGGREGATED."""

from pipelines.gold import business_metrics, fraud_scores, orders, recommendations, seller_activity, stock_levels
from pipelines.gold.aggregating import Gold

AGGREGATED: tuple[Gold, ...] = (orders, business_metrics, stock_levels, seller_activity, fraud_scores, recommendations)
