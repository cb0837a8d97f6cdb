"""Spark sessions that know the catalogue of the settings."""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.base import java
from pipelines.base.errors import SettingsError
from pipelines.base.paths import ROOT, located
from pipelines.base.scratch import scratch
from pipelines.base.settings import Settings, settings
from pipelines.lake import database
from pipelines.streaming import ui

IDLE_S = 300  # how long a connection to the catalogue may do nothing
IDLE_SESSION_TIMEOUT = "57P05"  # PostgreSQL's state of a connection that it has closed for that


def spark_session(name: str) -> SparkSession:
    """Return this process's Spark session, with the Iceberg catalogue of the settings.

    Raises ServiceUnreachable without a catalogue database, SettingsError when spark-defaults.conf
    was not read, and TidemarkError without a JDK 17.
    """
    chosen = settings()
    starts_java = "PYSPARK_GATEWAY_PORT" not in os.environ  # else spark-submit has started it already
    if starts_java:
        os.environ["JAVA_HOME"] = str(java.jdk17().parents[1])
    database.require(chosen)
    os.environ.setdefault("SPARK_CONF_DIR", str(ROOT))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if _in_one_process(chosen):  # its pages are for this machine only
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName(name)
    temporary = _temporary_folders(chosen) if starts_java and _in_one_process(chosen) else {}
    for key, value in {**_configuration(chosen, name), **temporary}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    # Not by the builder, which would put it on the command line of the Java process; the catalogue
    # is opened at its first use.
    spark.conf.set(f"spark.sql.catalog.{chosen.catalog.name}.jdbc.password", chosen.postgres.password.get_secret_value())
    if "Iceberg" not in str(spark.conf.get("spark.sql.extensions", "")):
        raise SettingsError(f"Spark has not read {ROOT / 'spark-defaults.conf'}: set SPARK_CONF_DIR to that folder.")
    if _in_one_process(chosen):
        ui.refuse_other_names(spark)
    return spark


def _configuration(chosen: Settings, name: str) -> dict[str, str]:
    lake = f"spark.sql.catalog.{chosen.catalog.name}"
    postgres = chosen.postgres
    options = {
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.type": "jdbc",
        f"{lake}.uri": f"jdbc:postgresql://{postgres.host}:{postgres.port}/{chosen.catalog.database}",
        f"{lake}.jdbc.user": postgres.user,
        f"{lake}.jdbc.schema-version": "V1",
        # Each start of a query has a session of its own, with connections of its own to the
        # catalogue, which nobody closes: PostgreSQL does, and Iceberg connects anew where it must.
        f"{lake}.jdbc.ApplicationName": name,
        f"{lake}.jdbc.options": f"-c idle_session_timeout={IDLE_S * 1000}",
        f"{lake}.retryable_status_codes": IDLE_SESSION_TIMEOUT,
        f"{lake}.warehouse": chosen.warehouse,
        "spark.sql.defaultCatalog": chosen.catalog.name,
        "spark.ui.port": str(chosen.spark.ui_port),
        "spark.driver.memory": chosen.spark.driver_memory,
        # Absolute, because an executor works in a folder of its own.
        "spark.executor.extraClassPath": str(ROOT / ".tidemark" / "jars" / "spark" / "*"),
        **chosen.spark.conf,
    }
    if chosen.spark.master:
        options["spark.master"] = chosen.spark.master
    if _in_one_process(chosen):
        options["spark.driver.host"] = "127.0.0.1"
        options["spark.driver.bindAddress"] = "127.0.0.1"
    return options


def _temporary_folders(chosen: Settings) -> dict[str, str]:
    """Return what has Spark, RocksDB and Python put their temporary folders into this process's
    own: only their ends remove them, and after kill -9 nobody did.
    """
    folder = scratch(Path(located(chosen.state)) / "tmp")
    # By the environment, because Spark warns of its own setting for it at each start.
    os.environ["TMPDIR"] = os.environ["SPARK_LOCAL_DIRS"] = str(folder)
    return {"spark.driver.defaultJavaOptions": f'-Djava.io.tmpdir="{folder}"'}


def _in_one_process(chosen: Settings) -> bool:
    """Return whether the settings name a master that needs no other machine."""
    return (chosen.spark.master or "").startswith("local")
