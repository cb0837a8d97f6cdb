"""The states of sessions made anew, as the recommender would have left them: for an online store
that has lost its data.
"""

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.arrays import Records
from pipelines.base.settings import settings
from pipelines.contracts.contract import Contract
from pipelines.online_store.states_by_id import StatesById
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.features import click_records
from pipelines.recommendations.features.session import SESSION_STATE, fold
from pipelines.recommendations.store import RecommendationStore
from pipelines.silver import clicks
from pipelines.streaming import arrivals
from pipelines.streaming.checkpoints import Checkpoint


def rebuild(spark: SparkSession, store: RecommendationStore, query: str, contract: Contract, kept_s: int) -> int:
    """Fold what the recommender's `query` has folded of the clicks that arrived in the last
    `kept_s` seconds, put the states in the place of those in the store, and return of how many
    sessions; 0 where it has committed no batch.

    The recommender must not run. It then goes on behind its last batch; older sessions begin anew,
    as they would have in a store that has lost nothing. Lists come back with the next click.
    """
    checkpoint = Checkpoint(spark, query)
    last = checkpoint.last_batch()
    if last is None:
        return 0
    until = checkpoint.committed_of(str(clicks.TABLE.topic))
    came = arrivals.arrived(spark, clicks, until, contract, click_records.COLUMNS)
    recent = came.filter(F.col("kafka_at") >= F.current_timestamp() - F.make_dt_interval(secs=F.lit(kept_s)))
    session_ids, states = folded(some.toArrow() for some in arrivals.in_slices(recent))
    store.forget_sessions()
    store.write(session_ids, states, states, Batch(*last), {})
    return len(session_ids)


def folded(slices: Iterable[pa.Table]) -> tuple[list[str], Records]:
    """Return the sessions of clicks that arrived in this order, slice by slice, and the state that
    each is left in.
    """
    sessions = StatesById(SESSION_STATE)
    for clicked in slices:
        arrived = click_records.keyed(clicked, settings().ids.none)
        number = sessions.numbers(arrived.session_ids)
        sessions.states[number] = fold(sessions.states[number], arrived.session, arrived.records).states
    return sessions.ids, sessions.states
