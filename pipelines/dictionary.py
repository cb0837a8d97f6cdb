"""`python -m pipelines.dictionary` writes docs/data_dictionary.md from the tables, the topics'
contracts and the features.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.base import logs
from pipelines.base.paths import ROOT
from pipelines.contracts import schemas
from pipelines.fraud.features.device_state import SIGHTINGS
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.table import Table
from pipelines.tables import TABLES

FILE = ROOT / "docs" / "data_dictionary.md"
HEAD = """\
# Data dictionary

Written by `make docs` from the code: `pipelines/tables.py`, `conf/schemas/*.avsc` and `pipelines/fraud/features/*_state.py`.
Change it there. Words are explained in the [glossary](glossary.md).
"""


def dictionary() -> str:
    """Return the whole data dictionary as Markdown."""
    return "\n".join([HEAD, *_tables(), *_topics(), *_features()])


def _tables() -> Iterator[str]:
    yield "## Tables\n"
    yield "Timestamps are UTC with microseconds. A column that is not required may be null.\n"
    for table in TABLES.values():
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield f"{table.grain}\n"
    yield f"Key: {_names(table.key)}. Partitioned by: {_names(table.partitioning) or 'nothing'}.{_source(table)}\n"
    rows = ((f"`{c.name}`", f"`{c.type}`", "yes" if c.required else "", c.meaning) for c in table.columns)
    yield _grid(("column", "type", "required", "meaning"), rows)


def _source(table: Table) -> str:
    if table.made_from:
        return f" Made from {_names(table.made_from)}."
    return f" Refined from the topic `{table.topic}`." if table.topic else ""


def _topics() -> Iterator[str]:
    yield "## Topics\n"
    yield "Avro with Confluent's header; subject `<topic>-value` in the schema registry, compatibility BACKWARD_TRANSITIVE.\n"
    for topic in schemas.topics():
        yield from _topic(topic)


def _topic(topic: str) -> Iterator[str]:
    schema = json.loads(schemas.reader(topic))
    yield f"### {topic}\n"
    yield f"{schema['doc']} Schema version {len(schemas.versions(topic))}.\n"
    rows = ((f"`{field['name']}`", f"`{_type(field['type'])}`", field["doc"]) for field in schema["fields"])
    yield _grid(("field", "type", "meaning"), rows)
    for record in _nested(schema["fields"]):
        rows = ((f"`{field['name']}`", f"`{_type(field['type'])}`", field["doc"]) for field in record["fields"])
        yield f"{record['name']}: {record['doc']}\n"
        yield _grid(("field", "type", "meaning"), rows)


def _nested(fields: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the records that lie in arrays of a record."""
    for field in fields:
        items = field["type"].get("items") if isinstance(field["type"], dict) else None
        if isinstance(items, dict) and items["type"] == "record":
            yield items


def _type(schema: Any) -> str:
    """Return an Avro type in a few words."""
    if isinstance(schema, list):
        return " or ".join(_type(branch) for branch in schema)
    if isinstance(schema, str):
        return schema
    if schema["type"] == "array":
        return f"array of {_type(schema['items'])}"
    if schema.get("logicalType") == "decimal":
        return f"decimal({schema['precision']},{schema['scale']})"
    return str(schema.get("logicalType") or schema.get("name") or schema["type"])


def _features() -> Iterator[str]:
    yield "## Features\n"
    yield f"Feature set `{FEATURE_SET}`: what the fraud model sees of a payment, in this order; unknown is NaN.\n"
    yield "An hour is 12 slots of 5 minutes, a day 24 hours, a week and a month 7 and 30 days, the current slot included.\n"
    yield "What is known of sellers ends at the last full hour; labels count once they are older than the label delay.\n"
    yield (
        f"Of a device its last {SIGHTINGS} payments are remembered; of one whose id is empty or `unknown`, nothing is known.\n"
    )
    yield _grid(("feature", "unit", "meaning"), ((f"`{f.name}`", f.unit, f.meaning) for f in FEATURES))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def main(file: Path = FILE) -> None:
    """Write the data dictionary."""
    logs.configure()
    file.write_text(dictionary())
    logs.get(__name__).info("dictionary_written", tables=len(TABLES), topics=len(schemas.topics()), features=len(FEATURES))


if __name__ == "__main__":
    main()
