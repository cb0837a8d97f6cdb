"""A first index where one is needed: where a champion of today's format is registered nothing is
built, and what there is nothing to build from is one sentence.
"""

import json

import pytest
from processes import finished

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
