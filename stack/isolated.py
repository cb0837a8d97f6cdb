"""Settings for a stack apart from the default one: every port free now, every path below a folder
of its own.
"""

from pathlib import Path

from stack.ports import some_free


def environment(state: Path) -> dict[str, str]:
    """Return the environment in which a stack lives below `state` on ports that are free now."""
    kafka, registry, postgres, valkey, mlflow, trino, trino_https, dash, api, spark, status = some_free(11)
    return {
        "TIDEMARK_STATE": str(state),
        "TIDEMARK_CATALOG__WAREHOUSE": str(state / "warehouse"),
        "TIDEMARK_CHECKPOINTS__PATH": str(state / "checkpoints"),
        "TIDEMARK_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "TIDEMARK_SCHEMA_REGISTRY__URL": f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        "TIDEMARK_POSTGRES__PORT": str(postgres),
        "TIDEMARK_VALKEY__PORT": str(valkey),
        "TIDEMARK_MLFLOW__URL": f"http://127.0.0.1:{mlflow}",
        "TIDEMARK_TRINO__PORT": str(trino),
        "TIDEMARK_TRINO__HTTPS_PORT": str(trino_https),
        "TIDEMARK_DASH__PORT": str(dash),
        "TIDEMARK_API__PORT": str(api),
        "TIDEMARK_SPARK__UI_PORT": str(spark),
        "TIDEMARK_SPARK__STATUS_PORT": str(status),
    }
