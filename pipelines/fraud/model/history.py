"""What fraud models learn from and are measured on: a history of labelled payments."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import DAY_US, Floats


@dataclass(frozen=True)
class History:
    """Labelled payments in order of arrival: their features (n, len(FEATURES)), and of each (n)
    whether it was fraud, when it was made (us since 1970), the number of its card, its amount, and
    its campaign, which is the chargeback's reason and empty without one.
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
