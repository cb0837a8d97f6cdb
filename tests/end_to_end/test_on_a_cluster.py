"""The jobs on a Spark cluster, started as docs/operations.md says: scoring, a table, its upkeep,
all of it in an executor.
"""

import signal
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from builders import a_payment
from fraud_models import DEAR, a_booster, registered
from processes import LIMIT_S, finished, runs
from spark_cluster import a_spark_cluster, started
from topic_records import received, send
from trino.dbapi import connect
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics
from pipelines.models.registry import ModelRegistry

pytestmark = pytest.mark.end_to_end

SCORES = "tidemark.fraud_scores"
MODEL = "fraud-on-a-cluster"
RUN = uuid4().hex
AMOUNTS = {f"{RUN}-cheap": 10, f"{RUN}-dear": 2 * DEAR}
# What conf/cluster.toml leaves to each cluster; the rest of the stack's addresses is in the
# environment of every test.
HERE = {f"TIDEMARK_{service}__HOST": "127.0.0.1" for service in ("POSTGRES", "VALKEY", "TRINO")}
CLUSTER = {"TIDEMARK_PROFILE": "cluster", "TIDEMARK_FRAUD__MODEL_NAME": MODEL, **HERE}


@pytest.fixture
def shop(local_stack: Settings) -> Settings:
    """A stack with contracts, a champion and two payments."""
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    registered(ModelRegistry(local_stack.mlflow), MODEL, a_booster())
    now = datetime.now(UTC)
    for name, amount in AMOUNTS.items():
        payment = a_payment(event_id=name, event_at=now, payment_id=name, card_id=name, amount=Decimal(amount))
        send(local_stack.kafka, "shop.payments", payment)
    return local_stack


def scored(chosen: Settings, since: dict[int, int]) -> set[str]:
    """Return which of this run's payments have got a score since; the scorer may have others' to
    catch up with.
    """
    found = received(chosen.kafka, SCORES, since)
    return {each.event["payment_id"] for each in found} & AMOUNTS.keys()


def scores(chosen: Settings) -> list[list[Any]]:
    """Return this run's rows of silver.fraud_scores, through Trino; none while there is no such
    table.
    """
    cursor = connect(host=chosen.trino.host, port=chosen.trino.port, user=chosen.trino.user, catalog="lake").cursor()
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'silver' AND table_name = 'fraud_scores'"
    if not cursor.execute(known).fetchall():
        return []
    columns = "payment_id, decision, degraded, model_name"
    ours = f"SELECT {columns} FROM silver.fraud_scores WHERE payment_id LIKE '{RUN}%' ORDER BY payment_id"
    return list(cursor.execute(ours).fetchall())


def stop(job: subprocess.Popen[bytes]) -> None:
    """Have a job end, and with it its executor, so that the next one gets the core; its driver ends
    with its Java.
    """
    (driver,) = (child for child in psutil.Process(job.pid).children() if child.name().startswith("python"))
    job.send_signal(signal.SIGTERM)
    job.wait(LIMIT_S)
    until(lambda: not runs(driver), "the driver ends by itself", within_s=60)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_jobs_run_on_a_standalone_cluster(shop: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CLUSTER.items():
        monkeypatch.setenv(name, value)
    log, since = tmp_path / "jobs.log", topics.end_offsets(shop.kafka, SCORES)
    with a_spark_cluster(tmp_path) as master:
        with started(log, "spark-submit", "--master", master, "jobs/streams/score_payments.py") as job:
            until(lambda: scored(shop, since) == AMOUNTS.keys(), "both payments are scored", job)
            stop(job)
        with started(
            log, "spark-submit", "--master", master, "jobs/streams/refine.py", "--table", "silver.fraud_scores"
        ) as job:
            until(lambda: len(scores(shop)) == len(AMOUNTS), "both scores are in silver", job)
            stop(job)
        finished("jobs/tasks/tend_tables.py", TIDEMARK_SPARK__MASTER=master)
    assert scores(shop) == [[f"{RUN}-cheap", "approve", False, MODEL], [f"{RUN}-dear", "decline", False, MODEL]]
