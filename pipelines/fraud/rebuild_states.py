"""The states of cards and devices made anew, as the scorer would have left them: for an online
store that has lost its data.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import CheckpointError
from pipelines.base.settings import settings
from pipelines.contracts.contract import Contract
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.device_state import DEVICE_STATE
from pipelines.fraud.features.fold import Known, States, fold
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.store import FraudStore
from pipelines.online_store.states_by_id import StatesById
from pipelines.online_store.two_version_records import Batch
from pipelines.silver import payments
from pipelines.streaming import arrivals
from pipelines.streaming.checkpoints import Checkpoint


def rebuild(spark: SparkSession, store: FraudStore, query: str, contract: Contract) -> int:
    """Fold what the scorer's `query` has scored, put the states in the place of those in the store,
    and return how many cards they are of.

    The scorer must not run. It then goes on behind its last batch as if the store had never lost
    anything. Raises CheckpointError when it has committed no batch.
    """
    checkpoint = Checkpoint(spark, query)
    last = checkpoint.last_batch()
    if last is None:
        raise CheckpointError(f"{query} has committed no batch, so nothing has a state: start the scorer.")
    came = arrived(spark, checkpoint.committed_of(str(payments.TABLE.topic)), contract)
    keys, states = folded(some.toArrow() for some in arrivals.in_slices(came))
    store.forget_cards()
    store.write(keys, states, states, Batch(*last))
    return len(keys.cards)


def arrived(spark: SparkSession, until: Mapping[int, int], contract: Contract) -> DataFrame:
    """Return the payments before the offsets `until` that are scored: silver's, and from Kafka what
    silver has not yet.
    """
    return payments.purchases(arrivals.arrived(spark, payments, until, contract, payment_records.COLUMNS))


def folded(slices: Iterable[pa.Table]) -> tuple[Keys, States]:
    """Return the cards and devices of payments that arrived in this order, slice by slice, and the
    states that each is left in.

    A device's state does not depend on the order, so that of each card is enough.
    """
    cards, devices = StatesById(CARD_STATE), StatesById(DEVICE_STATE)
    for paid in slices:
        keys, came = payment_records.keyed(paid, settings().ids.none)
        card, device = cards.numbers(keys.cards), devices.numbers(keys.devices)
        after = fold(Known(States(cards.states[card], devices.states[device]), None), came).states
        cards.states[card], devices.states[device] = after.cards, after.devices
    return Keys(cards.ids, devices.ids, []), States(cards.states, devices.states)
