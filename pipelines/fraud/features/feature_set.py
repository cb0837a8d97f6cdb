"""The features that the model sees, all of them in the model's order, and the version of that
set.
"""

import numpy as np

from pipelines.fraud.features.card_state import CARD_FEATURES
from pipelines.fraud.features.device_state import DEVICE_FEATURES
from pipelines.fraud.features.seller_state import SELLER_FEATURES

# Changes whenever a state, FEATURES or a fold change: states and models of another version are
# refused.
FEATURE_SET = "cards_sellers_and_devices/2"

FEATURES = CARD_FEATURES + SELLER_FEATURES + DEVICE_FEATURES
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
AMOUNT_Z = FEATURE_NAMES.index("amount_z")  # what labels take over: how unusual the amount was
ROW = np.dtype([(name, "f4") for name in FEATURE_NAMES])
