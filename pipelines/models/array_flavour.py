"""Plain arrays as a flavour of MLflow's models: a folder with one `.npz` file and no loader, so
that nothing can be run by loading it.
"""

import sys
from pathlib import Path

from mlflow.models import Model
from mlflow.models.model import ModelInfo

NAME, FORMAT, FILE = "plain_arrays", "npz", "model.npz"
DESCRIPTION = {"data_format": FORMAT, "data": FILE}


def log_model(content: bytes, name: str) -> ModelInfo:
    """Log the bytes of a `.npz` file as a model of the active run."""
    logged: ModelInfo = Model.log(None, sys.modules[__name__], name=name, flavor_name=NAME, content=content)
    return logged


def save_model(path: str, mlflow_model: Model, content: bytes) -> None:
    """Write a model's folder; MLflow calls it."""
    folder = Path(path)
    folder.mkdir()
    (folder / FILE).write_bytes(content)
    mlflow_model.add_flavor(NAME, **DESCRIPTION)
    mlflow_model.save(str(folder / "MLmodel"))
