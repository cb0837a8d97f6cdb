"""What arrays hold, by one name each, and the units of time that they are counted in."""

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.void]  # fixed records: states, payments, labels
Floats = npt.NDArray[np.float32]  # features
Numbers = npt.NDArray[np.float64]  # probabilities, amounts, costs
Integers = npt.NDArray[np.int64]  # positions, moments

SECOND_US, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
