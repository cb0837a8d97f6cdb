"""Spark's Python worker daemon, started warm (spark.python.daemon.module): saves 60 to 150 ms a
task.

Spark puts its own jar on the workers' path, and every task has Python's importer read that
archive's directory anew. This daemon takes archives off the path, imports what workers need and
compiles the folds before it forks them, and keeps all of that out of the garbage collection that
follows every task.
"""

import gc
import importlib
import os
import sys
from pathlib import Path

ARCHIVES = (".jar", ".zip")
COMPILED = Path(__file__).parent / "fraud" / "features"  # where the compiled folds are
WANTED = (
    "numpy",
    "pyarrow",
    "pyarrow.pandas_compat",
    "pandas",
    "xgboost",
    "valkey",
    "pyspark.worker",
    "pipelines.fraud.scoring",
    "pipelines.recommendations.recommending",
)


def drop_archives() -> None:
    """Take Java and zip archives off the import path; pyspark is installed, so nothing is lost."""
    sys.path[:] = [place for place in sys.path if not place.endswith(ARCHIVES)]
    for place in list(sys.path_importer_cache):
        if place.endswith(ARCHIVES):
            del sys.path_importer_cache[place]
    importlib.invalidate_caches()


def cache_compiled_code(sources: Path, state: str) -> None:
    """Let Numba write its compiled code below the state folder where the installed package cannot
    be written.
    """
    if not os.access(sources, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", f"{state}/numba")


def warm_up() -> None:
    """Import what workers need and compile the folds, then exempt it all from garbage
    collection.
    """
    for module in WANTED:
        importlib.import_module(module)
    from pipelines.fraud.features import fold
    from pipelines.recommendations import experiment
    from pipelines.recommendations.features import session
    from pipelines.recommendations.model import recommending

    for compiled in (fold, session, recommending, experiment):
        compiled.warm_up()
    gc.collect()
    gc.freeze()


def main() -> None:
    """Warm up, then be Spark's daemon."""
    from pipelines.base import logs
    from pipelines.base.paths import located
    from pipelines.base.settings import settings

    drop_archives()
    logs.configure()
    cache_compiled_code(COMPILED, located(settings().state))
    warm_up()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
