"""Workers start warm: without archives on their path, with what they need imported and the fold compiled."""

import gc
import os
import sys
from importlib.machinery import FileFinder

import pytest

from pipelines import worker_daemon
from pipelines.features import card_activity


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
        assert card_activity._fold.signatures
        assert {"pyspark.worker", "xgboost", "valkey"} <= sys.modules.keys()
    finally:
        gc.unfreeze()


def test_compiled_code_is_kept_below_the_state_only_where_the_package_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    worker_daemon.keep_compiled_code(tmp_path, "/state")
    assert "NUMBA_CACHE_DIR" not in os.environ
    worker_daemon.keep_compiled_code(tmp_path / "absent", "/state")
    assert os.environ["NUMBA_CACHE_DIR"] == "/state/numba"
    monkeypatch.delenv("NUMBA_CACHE_DIR")


def test_the_daemon_hands_over_to_sparks(monkeypatch):
    called = []
    monkeypatch.setattr("pyspark.daemon.manager", lambda: called.append(True))
    monkeypatch.setattr(sys, "path", list(sys.path))
    worker_daemon.main()
    gc.unfreeze()
    assert called == [True]


@pytest.mark.parametrize("module", worker_daemon.WANTED)
def test_what_workers_need_is_there(module):
    __import__(module)
