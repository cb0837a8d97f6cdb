"""Spark's pages, of a session in a process of its own, as every other test has none."""

import subprocess
import sys

import pytest
from processes import environment

from pipelines.base.paths import ROOT

# What each page answers under this machine's names, and under foreign ones.
ASKED = """
import http.client
from urllib.parse import urlsplit
from pyspark.sql import SparkSession
from pipelines.streaming import ui
builder = SparkSession.builder.master("local[1]").config("spark.driver.host", "127.0.0.1")
spark = builder.config("spark.ui.port", "0").getOrCreate()
ui.refuse_other_names(spark)
at = urlsplit(spark.sparkContext.uiWebUrl)
def status(path, host):
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=60)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status
PATHS = ("/jobs/", "/environment/", "/SQL/", "/StreamingQuery/", "/api/v1/applications", "/metrics/json/", "/static/webui.css")
for path in PATHS:
    print("seen", path, status(path, f"localhost:{at.port}"), status(path, "127.0.0.1"), status(path, "evil.example"))
print("seen", "/", status("/", "127.0.0.1"), status("/", "localhost"), status("/", "evil.example:80"))
"""


@pytest.mark.programs
def test_spark_s_pages_are_there_for_this_machine_and_for_no_other_name() -> None:
    own = {**environment(), "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    seen = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("seen")]
    assert len(seen) == 8, done.stderr
    assert {foreign for *_, foreign in seen} == {"404"}
    assert {status for _, *ours, _ in seen for status in ours} == {"200", "302"}
