"""A session finds the JDK it needs by itself, and says in one sentence when there is none."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hidden_java import hide_java
from processes import environment

from pipelines.base import java
from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import Settings, settings
from pipelines.streaming.session import spark_session

COUNT = """
import os, tempfile
from pipelines.streaming.session import spark_session
spark = spark_session('count')
print('counted', spark.range(3).count())
java = spark._jvm.System.getProperty('java.io.tmpdir')
print('temporary', os.environ['SPARK_LOCAL_DIRS'], java, tempfile.gettempdir())
"""


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No JDK 17 anywhere, and no spark-submit that has started one."""
    hide_java(monkeypatch, tmp_path)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    yield
    java.jdk17.cache_clear()


@pytest.mark.usefixtures("no_java")
def test_without_a_jdk_a_session_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        TidemarkError, match=r"^No JDK 17 in .*, and Spark and Kafka need it: install one .* or set JAVA_HOME\.$"
    ):
        spark_session("none")


@pytest.mark.usefixtures("no_java")
def test_where_spark_submit_has_started_java_none_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    monkeypatch.setenv("TIDEMARK_POSTGRES__PORT", "1")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable, match="Could not open the catalogue database"):
        spark_session("none")
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.integration
def test_a_newer_java_is_passed_over_and_what_is_temporary_lies_in_a_folder_of_the_process(local_stack: Settings) -> None:
    own = {**environment(), "JAVA_HOME": str(java.newer().parents[1])}
    counted = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert "counted 3" in counted.stdout, counted.stderr
    [folder] = {place for line in counted.stdout.splitlines() if line.startswith("temporary ") for place in line.split()[1:]}
    assert Path(folder).parent == Path(located(local_stack.state)) / "tmp"


# Merges into a table as gold does, and starts anew again and again.
RENEWALS = """
import sys, time
import psycopg
from pipelines.base.settings import settings
from pipelines.streaming import session

session.IDLE_S = 5
pg, name = settings().postgres, "renewals"
spark = session.spark_session(name)
spark.sql("create table if not exists test_renewals (value bigint) using iceberg")
counting = psycopg.connect(
    host=pg.host, port=pg.port, user=pg.user, password=pg.password.get_secret_value(), dbname="postgres", autocommit=True
)

def connections():
    (row,) = counting.execute("select count(*) from pg_stat_activity where application_name = %s", [name])
    return row[0]

def write(batch, number):
    batch.sparkSession.sql("select count(*) from test_renewals").collect()

seen = []
for _ in range(6):
    query = spark.readStream.format("rate").load().writeStream.foreachBatch(write).start()
    while query.lastProgress is None:
        time.sleep(0.1)
    query.stop()
    seen.append(connections())
end = time.monotonic() + 60
while connections() > 0 and time.monotonic() < end:
    time.sleep(0.2)
spark.sql("insert into test_renewals values (1)")
print("seen", max(seen), "left", connections(), "rows", spark.table("test_renewals").count())
"""


@pytest.mark.integration
@pytest.mark.usefixtures("local_stack")
def test_what_the_runs_of_a_query_leave_of_connections_to_the_catalogue_is_closed() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RENEWALS], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = dict(zip(*[iter(ran.stdout.split()[-6:])] * 2, strict=True))
    assert int(found["seen"]) > 2, "each run has connections of its own, beside the two of the job's session"
    assert int(found["left"]) <= 2, "they were closed, and one was opened anew"
    assert int(found["rows"]) == 1
