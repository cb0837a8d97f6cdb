"""A local Spark session with Iceberg on a folder, which needs no services."""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.base.paths import ROOT


def lake_session(folder: Path) -> SparkSession:
    """Return this process's session, whose default catalogue `lake` lies in a folder."""
    os.environ.update({"SPARK_CONF_DIR": str(ROOT), "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"})
    lake = "spark.sql.catalog.lake"
    options = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraClassPath": str(ROOT / ".tidemark" / "jars" / "spark" / "*"),
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.type": "hadoop",
        f"{lake}.warehouse": f"file://{folder}",
        "spark.sql.defaultCatalog": "lake",
    }
    builder = SparkSession.builder.appName("unit-tests")
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
