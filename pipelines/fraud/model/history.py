"""What fraud models learn from and are measured on."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import DAY_US, Floats


@dataclass(frozen=True)
class History:
    """Folded payments in order of arrival: features (n, F); whether it was fraud, when (us), which
    card, amount, campaign (n).

    The campaign is the chargeback's reason, empty without one.
    """

    features: Floats
    fraud: npt.NDArray[np.bool_]
    at_us: npt.NDArray[np.int64]
    card: npt.NDArray[np.int64]
    amount: npt.NDArray[np.float64]
    campaign: npt.NDArray[np.object_]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "History":
        """Return the chosen payments only."""
        return replace(self, **{name: values[chosen] for name, values in vars(self).items()})

    @property
    def days(self) -> float:
        """How many days lie between the first and the last payment."""
        return float(np.ptp(self.at_us)) / DAY_US
