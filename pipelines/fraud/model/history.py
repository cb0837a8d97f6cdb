"""What fraud models learn from and are measured on: a history of labelled payments."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import DAY_US, Floats, Integers


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

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Which of the payments (n) the bank has found anything of, fraud or not."""
        found: npt.NDArray[np.bool_] = self.fraud | (self.campaign != "").astype(np.bool_)
        return found

    def where(self, chosen: npt.NDArray[np.bool_]) -> "History":
        """Return the chosen payments only."""
        return replace(self, **{name: values[chosen] for name, values in vars(self).items()})

    @property
    def days(self) -> float:
        """How many days lie between the first and the last payment."""
        return float(np.ptp(self.at_us)) / DAY_US


def begin_us(day: Integers, payments: Integers, days: int, most: int, least_days: int) -> int:
    """Return from which moment (us) on payments are learned from: of the last `days` days those
    that hold at most `most` payments, but `least_days` in any case. On `day[i]` (since 1970, each
    once) `payments[i]` were made; 0 where there are none.
    """
    if not len(day):
        return 0
    newest = np.argsort(-day)
    ago = day.max() - day[newest]
    chosen = (ago < least_days) | ((ago < days) & (np.cumsum(payments[newest]) <= most))
    return int(day[newest][chosen].min()) * DAY_US
