"""Silver tables: typed, valid, once each. A new one is added to REFINED."""

from pipelines.silver import (
    chargebacks,
    clicks,
    exposures,
    fraud_scores,
    inventory,
    orders,
    payments,
    recommendations,
    reviews,
)
from pipelines.silver.refining import Silver

# Each is refined from its topic, which bronze keeps too; what is refused goes to quarantine.
REFINED: tuple[Silver, ...] = (
    orders,
    payments,
    clicks,
    inventory,
    chargebacks,
    reviews,
    fraud_scores,
    recommendations,
    exposures,
)
