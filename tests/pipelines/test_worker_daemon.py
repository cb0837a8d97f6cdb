"""Workers start warm: without archives on their path, with what they need imported and the fold
compiled.
"""

import gc
import os
import pickle
import subprocess
import sys
from importlib.machinery import FileFinder
from pathlib import Path

import pytest
from fraud_models import a_packed_model
from payment_batches import payments

from pipelines import worker_daemon
from pipelines.fraud.features import card_fold, device_fold, seller_fold

pytestmark = pytest.mark.programs


def test_archives_leave_the_path_and_folders_stay(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/a/spark-core.jar", "/a/lib", "/a/py4j.zip"])
    monkeypatch.setattr(sys, "path_importer_cache", {"/a/spark-core.jar": FileFinder("/a"), "/a/lib": FileFinder("/a")})
    worker_daemon.drop_archives()
    assert sys.path == ["/a/lib"]
    assert list(sys.path_importer_cache) == ["/a/lib"]


def test_warming_up_compiles_the_fold_and_spares_all_of_it_from_collection():
    worker_daemon.warm_up()
    try:
        assert gc.get_freeze_count() > 100_000
        assert card_fold._fold.signatures
        assert card_fold._late.signatures
        assert device_fold._fold.signatures
        assert device_fold._join.signatures
        assert not all(known.mutable for known, *_ in seller_fold._write_known_features.signatures), (
            "what was read is read-only"
        )
        assert {"pyspark.worker", "xgboost", "valkey"} <= sys.modules.keys()
    finally:
        gc.unfreeze()


def test_compiled_code_is_kept_below_the_state_only_where_the_package_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    worker_daemon.cache_compiled_code(tmp_path, "/state")
    assert "NUMBA_CACHE_DIR" not in os.environ
    assert {Path(fold.__file__).parent for fold in (card_fold, device_fold, seller_fold)} == {worker_daemon.COMPILED}
    worker_daemon.cache_compiled_code(tmp_path / "absent", "/state")
    assert os.environ["NUMBA_CACHE_DIR"] == "/state/numba"
    monkeypatch.delenv("NUMBA_CACHE_DIR")


def test_the_daemon_hands_over_to_sparks(monkeypatch):
    called = []
    monkeypatch.setattr("pyspark.daemon.manager", lambda: called.append(True))
    monkeypatch.setattr(sys, "path", list(sys.path))
    worker_daemon.main()
    gc.unfreeze()
    assert called == [True]


SCORE = """
import pickle, sys, uuid
from pipelines import worker_daemon

worker_daemon.warm_up()
warm = set(sys.modules)
payments, packed, server = pickle.load(sys.stdin.buffer)
from pipelines.fraud import scoring
store = scoring.FraudStore(scoring.Client(server))
scores = scoring.score_batch(payments, scoring.Batch(str(uuid.UUID(int=1)), 0), store, scoring.serving(packed))
assert len(scores) == len(payments) and not any(scores["degraded"].to_pylist())
late = {name for name in set(sys.modules) - warm if name.partition(".")[0] not in {*sys.stdlib_module_names, "pyarrow"}}
late |= {"pyarrow.pandas_compat"} - warm  # of pyarrow's other modules, only tiny ones are left to their first use
print(*late, *{"pyspark.worker"} - warm)
"""


def test_a_fresh_worker_that_scores_a_batch_imports_no_library_that_was_not_imported_ahead(server):
    batch = pickle.dumps((payments(0, 1, 4), a_packed_model(), server.settings))
    done = subprocess.run([sys.executable, "-c", SCORE], input=batch, capture_output=True, check=True)
    assert done.stdout.decode().split() == []
