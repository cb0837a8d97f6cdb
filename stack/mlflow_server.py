"""The MLflow server behind basic auth, in one process, for uvicorn: `uvicorn --factory
stack.mlflow_server:application`.

`mlflow server --app-name basic-auth` does the same in two processes that import the same libraries
one after the other, and never changes the admin's first password. What it passes to its second
process is set here: MLFLOW_BACKEND_STORE_URI, MLFLOW_ARTIFACTS_DESTINATION and MLFLOW_AUTH_* come
from the environment.
"""

import os
import secrets

from fastapi import FastAPI

# _MLFLOW_SGI_NAME is private: it is how `mlflow server` tells the process it starts that uvicorn
# serves it, without which the application would be made for another server.
from mlflow.environment_variables import _MLFLOW_SGI_NAME, MLFLOW_FLASK_SERVER_SECRET_KEY
from mlflow.server import auth, constants, handlers

ARTIFACTS = "mlflow-artifacts:/"  # through the server: clients need no way to its disk


def application() -> FastAPI:
    """Return the server, its database migrated and the environment's password the valid one."""
    store = os.environ["MLFLOW_BACKEND_STORE_URI"]
    os.environ |= {
        _MLFLOW_SGI_NAME.name: "uvicorn",
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: ARTIFACTS,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: os.environ["MLFLOW_ARTIFACTS_DESTINATION"],
        # Signs one form; one process need not share it.
        MLFLOW_FLASK_SERVER_SECRET_KEY.name: secrets.token_hex(),
    }
    handlers.initialize_backend_stores(store, store, ARTIFACTS)
    served: FastAPI = auth.create_app()
    _set_password(os.environ["MLFLOW_AUTH_ADMIN_USERNAME"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"])
    return served


def _set_password(user: str, password: str) -> None:
    """Make the environment's password the valid one: MLflow itself looks at it only when the user
    does not exist yet.
    """
    if not auth.store.authenticate_user(user, password):
        auth.store.update_user(user, password=password, is_admin=True)
