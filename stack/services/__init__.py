"""The six services of the local stack, one module each."""

from stack.service import Service
from stack.services import kafka, mlflow, postgres, registry, trino, valkey


def services() -> list[Service]:
    """Return every service, described from this process's settings."""
    return [module.service() for module in (postgres, valkey, kafka, registry, mlflow, trino)]
