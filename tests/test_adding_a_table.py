"""docs/how-to/add-a-table.md, followed to the letter in a copy of the code: the new tables are
registered, kept, refined, quarantined, aggregated, recomputed, listed and documented.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT
from pipelines.base.settings import Settings

PAGE = (ROOT / "docs" / "how-to" / "add-a-table.md").read_text()
COPIED = ("pipelines", "jobs", "simulator", "conf", "pyproject.toml", "spark-defaults.conf", "log4j2.properties")
# What an operator would do with the tables, in the copy: everything is asked for by the tables'
# names.
PROGRAM = """
import json, sys, uuid
from confluent_kafka import Producer
from lake_session import lake_session
from number_tables import run
from pathlib import Path
from jobs.streams import aggregate, keep_events, quarantine_events, refine, run_all
from jobs.tasks import register_contracts
from pipelines import dictionary, silver, tables
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.lake import catalog
from pipelines.operations import recomputing, upkeep
from simulator.encoding import framed

TOPIC = "shop.wishes"
register_contracts.register()
encode = framed(schemas.reader(TOPIC), schema_registry.newest_id(TOPIC))
producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers})
for event_id, pieces in (("e1", 1), ("e1", 1), ("e2", 3), ("e3", 0)):
    wish = {"event_id": event_id, "event_at": 1_750_000_000_000_000, "product_id": "p", "pieces": pieces}
    producer.produce(TOPIC, encode(wish), "p")
assert producer.flush(30) == 0

spark = lake_session(Path(sys.argv[1]))
run(keep_events.start(spark, (TOPIC,)))
run(refine.start(spark, tables.silver_named("silver.wishes")))
run(quarantine_events.start(spark))
run(aggregate.start(spark, tables.gold_named("gold.wish_counts")))
now = {name: catalog.fresh(spark, tables.table_named(name)) for name in tables.TABLES if spark.catalog.tableExists(name)}
refined = sorted(row["event_id"] for row in now["silver.wishes"].collect())
refused = [row["reason"] for row in now["silver.quarantine"].filter(f"topic = '{TOPIC}'").collect()]
counted = [tuple(row) for row in now["gold.wish_counts"].collect()]
again = [tuple(row) for row in recomputing.recomputed(spark, tables.gold_named("gold.wish_counts")).collect()]
found = {
    "refined": refined,
    "refused": refused,
    "counted": counted,
    "recomputed": again,
    "queries": [query.name for query in run_all.queries()],
    "tended": list(upkeep.companion().tasks),
    "documented": dictionary.dictionary(),
}
Path(sys.argv[2]).write_text(json.dumps(found))
"""


def block(path: str, language: str) -> str:
    """Return the block of the page that follows the path."""
    found = re.search(rf"`{re.escape(path)}`.*?```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"the page has no block for {path}"
    return found[1]


def add_entry(copy: Path, layer: str, module: str, entries: str) -> None:
    """Import a module in its layer, and add it to the layer's tuple."""
    file = copy / "pipelines" / layer / "__init__.py"
    text = re.sub(rf"(from pipelines\.{layer} import \(?)", rf"\1{module}, ", file.read_text(), count=1)
    changed = re.sub(rf"^({entries}: .* = \()", rf"\1{module}, ", text, flags=re.MULTILINE)
    assert changed.count(module) == 2
    file.write_text(changed)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code in which the page was followed."""
    folder = tmp_path / "copy"
    (folder / ".tidemark").mkdir(parents=True)
    (folder / ".tidemark" / "jars").symlink_to(ROOT / ".tidemark" / "jars")
    for name in COPIED:
        place = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        place(ROOT / name, folder / name)
    for path, language in (
        ("conf/schemas/shop.wishes.avsc", "json"),
        ("pipelines/silver/wishes.py", "python"),
        ("pipelines/gold/wish_counts.py", "python"),
    ):
        (folder / path).write_text(block(path, language))
    add_entry(folder, "silver", "wishes", "REFINED")
    add_entry(folder, "gold", "wish_counts", "AGGREGATED")
    sections = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(sections) == 2
    with (folder / "conf" / "base.toml").open("a") as settings:
        settings.write("\n" + re.sub(r"\d+ seconds", "0 seconds", "\n".join(sections)))
    return folder


@pytest.mark.integration
def test_a_table_that_was_added_as_the_page_says_is_known_everywhere(
    copy: Path, local_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{copy}:{ROOT / 'tests' / 'support'}")
    monkeypatch.setenv("TIDEMARK_CHECKPOINTS__PATH", str(tmp_path / "checkpoints"))
    (copy / "adding.py").write_text(PROGRAM)
    answer = tmp_path / "found.json"
    command = [sys.executable, "adding.py", str(tmp_path / "lake"), str(answer)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(answer.read_text())
    assert found["refined"] == ["e1", "e2"], "once each, and without the one that breaks a rule"
    assert found["refused"] == ["broken_rule:pieces_positive"]
    assert found["counted"] == found["recomputed"] == [["p", 2]]
    assert {"silver.wishes", "gold.wish_counts"} <= set(found["queries"])
    assert "silver.wishes" in found["tended"]
    for line in ("### silver.wishes", "### gold.wish_counts", "### shop.wishes", "Wishes for it, ever."):
        assert line in found["documented"], line
