"""Takes the record at which a query fails out of its way: the record goes to quarantine with the
cause, and the query passes over it.
"""

import httpx
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import ServiceUnreachable, SettingsError
from pipelines.base.settings import settings
from pipelines.bronze import events
from pipelines.contracts.avro import schema_id
from pipelines.lake import catalog
from pipelines.silver import quarantine
from pipelines.streaming.reads import read_record
from pipelines.streaming.records import Places, Record
from pipelines.streaming.skips import Skips
from pipelines.streaming.status_server import FAILS, Status

ANSWER_WITHIN_S = 5.0
REASON = "skipped_by:{query}: {cause}"


def failing(query: str) -> tuple[Record, str]:
    """Return the record at which a query fails, and why.

    Raises ServiceUnreachable where no job tells how its queries are, and SettingsError where the
    query does not fail, or at no record that was found yet.
    """
    known = {status.query: status for status in statuses()}
    fails = {name: status for name, status in known.items() if status.state == FAILS}
    if query not in known:
        raise SettingsError(f"There is no query {query} in the running job: choose one of {', '.join(fails or known)}.")
    if query not in fails:
        others = f" What fails is {', '.join(fails)}." if fails else ""
        raise SettingsError(f"{query} does not fail, so there is nothing to skip.{others}")
    record, cause = fails[query].record, str(fails[query].cause)
    if record is None:
        raise SettingsError(
            f"{query} fails ({cause}), but no single record was found at which it does, so nothing is skipped: a record is "
            "looked for from the second failure on; docs/operations.md says what else helps."
        )
    return record, cause


def statuses() -> list[Status]:
    """Return how the queries of the running job are; raises ServiceUnreachable where none tells."""
    where = settings().spark.queries_url
    try:
        found = httpx.get(where, timeout=ANSWER_WITHIN_S, trust_env=False).raise_for_status().json()
    except httpx.HTTPError as error:
        raise ServiceUnreachable(f"No job tells at {where} how its queries are ({error}): start the streams.") from error
    return [_status(**each) for each in found]


def skip(spark: SparkSession, query: str, record: Record, cause: str) -> None:
    """Put a record into quarantine, once, and have the query pass over it from its next start on.

    Raises SettingsError where neither Kafka nor bronze has the record any more.
    """
    catalog.ensure(spark, quarantine.TABLE)
    place = (F.col("topic") == record.topic) & (F.col("partition") == record.partition) & (F.col("offset") == record.offset)
    reason = REASON.format(query=query, cause=cause)
    if catalog.fresh(spark, quarantine.TABLE).filter(place & (F.col("reason") == reason)).isEmpty():
        found = _found(spark, record).withColumns({"schema_id": schema_id(F.col("value")), "reason": F.lit(reason)})
        found.select(*quarantine.TABLE.column_names).writeTo(quarantine.TABLE.name).append()
    Skips(spark, query).add(record, cause)


def _found(spark: SparkSession, record: Record) -> DataFrame:
    """Return the one record, from Kafka or else from the archive, with Kafka's columns."""
    catalog.ensure(spark, events.TABLE)
    for rows in (events.keep(read_record(spark, record)), catalog.fresh(spark, events.TABLE)):
        found = rows.filter(Places.of(record.topic).are(record)).limit(1).cache()
        if not found.isEmpty():
            return found
    raise SettingsError(f"Neither Kafka nor bronze.events has {record} any more, so nothing was skipped.")


def _status(query: str, state: str, record: dict[str, object] | None, **fields: object) -> Status:
    return Status(query, state, record=Record(**record) if record else None, **fields)  # type: ignore[arg-type]
