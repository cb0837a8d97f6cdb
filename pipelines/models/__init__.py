"""The life of a model version, whichever model: registered, published, served. No Spark."""

import os

# MLflow's client reports its use to MLflow's makers, and the thread that does so breaks requests of
# others (KeyError _MLFLOW_TELEMETRY_SESSION_ID). Read when mlflow is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
