"""A first index where one is needed: where a champion of today's format is registered nothing is
built, and what there is nothing to build from is one sentence. Then the life of an index, by the
jobs as they are run.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from own_catalogue import own_catalogue
from past_sessions import SHAPE, a_past, rows_of
from processes import finished
from pyiceberg.table import Table as IcebergTable

from pipelines.base.settings import Settings
from pipelines.models.registry import ModelRegistry
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommender import FORMAT, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue
from pipelines.recommendations.training_sessions import NONE

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own
BUILD, PROMOTE = "jobs/tasks/build_recommendations.py", "jobs/tasks/promote_recommendations.py"
NO_LAKE = {"TIDEMARK_POSTGRES__PORT": "1"}  # which a job finds out as soon as it wants a table


def test_it_is_not_where_a_champion_of_todays_format_is_registered(local_stack: Settings) -> None:
    name = "recommendations-if-needed"
    content = packed_bytes(build(NONE, Catalogue.unknown(0), Options(learned=False)))
    version = ModelRegistry(local_stack.mlflow).register_arrays(name, content, {}, {}, {}, feature_set=FORMAT)
    done = finished(BUILD, "--if-needed", TIDEMARK_RECOMMENDATIONS__MODEL_NAME=name, **NO_LAKE)
    (line,) = (json.loads(each) for each in done.stderr.splitlines() if each.startswith("{"))
    assert (line["event"], line["champion"]) == ("no_index_needed", version)


def test_it_is_where_there_is_none(local_stack: Settings) -> None:
    done = finished(BUILD, "--if-needed", expect=2, TIDEMARK_RECOMMENDATIONS__MODEL_NAME="recommendations-nobody", **NO_LAKE)
    assert "no_index_needed" not in done.stderr
    assert "Could not open the catalogue database" in done.stderr


def test_a_shop_without_sessions_is_one_sentence(local_stack: Settings) -> None:
    for job in (BUILD, PROMOTE):
        done = finished(job, expect=2, TIDEMARK_CATALOG__NAME="nobody_came")
        assert "There are no sessions to go by: gold.sessions is empty" in done.stderr
        assert "Traceback" not in done.stderr


def events(done: CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return what a job has logged, by event."""
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return {line["event"]: line for line in lines}


@pytest.fixture
def shop(local_stack: Settings, tmp_path: Path) -> Iterator[IcebergTable]:
    """gold.sessions of a catalogue of its own, of a shop with a model of its own."""
    with own_catalogue("index_life", tmp_path, RECOMMENDATIONS__MODEL_NAME="index-life") as lake:
        yield lake.create_table("gold.sessions", SHAPE)


def test_an_index_is_built_grows_is_promoted_and_rolled_back(shop: IcebergTable, local_stack: Settings) -> None:
    past = a_past(1_200)
    shop.append(rows_of(past[:1_000]))
    first = events(finished(BUILD))
    assert first["first_champion"]["version"] == "1"
    assert first["model_registered"]["sessions_count"] == 800
    assert first["model_registered"]["hr20_pct"] > first["model_registered"]["popularity_hr20_pct"]

    shop.append(rows_of(past[1_000:]))
    second = events(finished(BUILD, "--incremental"))
    assert "built_whole" not in second
    assert (second["model_registered"]["incremental"], second["model_registered"]["sessions_count"]) == (True, 1_000)
    assert second["champion_stays"]["challenger"] == "2"

    gate = events(finished(PROMOTE))["gate_promoted"]
    assert (gate["champion"], gate["version"], gate["unseen_sessions_count"]) == ("1", "2", 200)
    registry = ModelRegistry(local_stack.mlflow)
    assert registry.champion_version("index-life") == "2"
    assert events(finished(PROMOTE, "--to", "1"))["champion_set"]["before"] == "2"
    assert registry.champion_version("index-life") == "1"
