"""Training if needed: where a champion of today's features is registered nothing is done, and Spark
is not even started.
"""

import json

import pytest
from fraud_models import a_booster, registered
from processes import finished

from pipelines.base.settings import Settings
from pipelines.models.registry import ModelRegistry

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own
JOB = ("jobs/tasks/train_fraud_model.py", "--if-needed")
NO_LAKE = {"TIDEMARK_POSTGRES__PORT": "1"}  # which a job finds out as soon as it wants Spark


def test_it_is_not_where_a_champion_of_todays_features_is_registered(local_stack: Settings) -> None:
    name = "fraud-if-needed"
    version = registered(ModelRegistry(local_stack.mlflow), name, a_booster())
    done = finished(*JOB, TIDEMARK_FRAUD__MODEL_NAME=name, **NO_LAKE)
    (line,) = (json.loads(each) for each in done.stderr.splitlines() if each.startswith("{"))
    assert (line["event"], line["champion"]) == ("no_training_needed", version)


def test_it_is_where_there_is_none(local_stack: Settings) -> None:
    done = finished(*JOB, expect=2, TIDEMARK_FRAUD__MODEL_NAME="fraud-nobody", **NO_LAKE)
    assert "no_training_needed" not in done.stderr
    assert "Could not open the catalogue database" in done.stderr


def test_a_registry_that_is_away_is_one_sentence() -> None:
    done = finished(*JOB, expect=2, TIDEMARK_MLFLOW__URL="http://127.0.0.1:1")
    assert "Could not look up the champion" in done.stderr
    assert "Traceback" not in done.stderr
