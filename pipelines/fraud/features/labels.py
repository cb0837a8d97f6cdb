"""When the label of a payment may be used: after the label delay, and never before the bank's
finding came.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Integers, Records
from pipelines.fraud.features.seller_state import LABEL


class Findings(NamedTuple):
    """What the bank found: of which payment (its number), when that arrived (us), and whether it is
    fraud.
    """

    payment: Integers
    found_us: Integers
    fraud: npt.NDArray[np.bool_]


def labels(at_us: Integers, amount_z: Floats, findings: Findings, delay_us: int) -> tuple[Records, Integers]:
    """Return what becomes known of payments, in the order it does (LABEL), and of which payment
    each label speaks.

    A payment counts as legitimate when it is `delay_us` old, unless the bank has said fraud by
    then; what the bank says later corrects that label when it arrives.
    """
    order = np.lexsort((findings.found_us, findings.payment))
    payment, found_us, fraud = findings.payment[order], findings.found_us[order], findings.fraud[order]
    in_time = found_us <= at_us[payment] + delay_us
    first = np.zeros(len(at_us), np.bool_)
    first[payment[in_time]] = fraud[in_time]  # of several, the last counts
    payment, found_us, fraud = payment[~in_time], found_us[~in_time], fraud[~in_time]
    again = np.r_[False, payment[1:] == payment[:-1]][: len(payment)]
    before = np.where(again, np.r_[False, fraud[:-1]][: len(payment)], first[payment])
    changed = fraud != before
    payment_of = np.concatenate([np.arange(len(at_us)), payment[changed]])
    made = np.zeros(len(payment_of), LABEL)
    made["known_us"] = np.concatenate([at_us + delay_us, found_us[changed]])
    made["labelled"][: len(at_us)] = 1
    made["fraud"] = np.concatenate([first, np.where(fraud[changed], 1, -1)])
    made["at_us"], made["amount_z"] = at_us[payment_of], amount_z[payment_of]
    in_order = np.lexsort((made["amount_z"], made["fraud"], made["at_us"], made["known_us"]))
    return made[in_order], payment_of[in_order]
