"""The data dictionary says what the code says."""

from pathlib import Path

import pytest

from pipelines import dictionary
from pipelines.contracts.schemas import topics
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.table import Append, Column, Table
from pipelines.tables import TABLES


def test_the_file_in_docs_is_what_the_code_says() -> None:
    assert dictionary.FILE.read_text() == dictionary.dictionary(), "docs/data_dictionary.md is stale: run `make docs`"


def test_every_table_column_topic_and_feature_has_its_line() -> None:
    lines = dictionary.dictionary().splitlines()
    for table in TABLES.values():
        assert f"### {table.name}" in lines
        for column in table.columns:
            required = "yes" if column.required else ""
            assert f"| `{column.name}` | `{column.type}` | {required} | {column.meaning} |" in lines
    assert {f"### {topic}" for topic in topics()} <= set(lines)
    assert {f"| `{feature.name}` | {feature.unit} | {feature.meaning} |" for feature in FEATURES} <= set(lines)


def test_every_column_has_a_sentence() -> None:
    described = [(table.name, column.name, column.meaning) for table in TABLES.values() for column in table.columns]
    assert [(table, column) for table, column, meaning in described if not meaning.endswith(".")] == []


def test_a_bar_in_a_sentence_does_not_break_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Table("silver.odd", "One row per oddity.", (Column("a", "string", "This | that."),), ("a",), Append())
    monkeypatch.setattr(dictionary, "TABLES", {odd.name: odd})
    assert "| `a` | `string` | yes | This \\| that. |" in dictionary.dictionary().splitlines()


def test_main_writes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dictionary.md"
    dictionary.main(file)
    assert file.read_text() == dictionary.dictionary()
