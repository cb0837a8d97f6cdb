"""A catalogue of a test's own in the local stack's database, without Spark."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from pipelines.base.settings import settings
from pipelines.lake.arrow import open_catalogue


@contextmanager
def own_catalogue(name: str, folder: Path, **changes: str) -> Iterator[SqlCatalog]:
    """Yield an empty catalogue with the namespace gold, which the settings name meanwhile, with
    other `changes` of them.
    """
    own = {"CATALOG__NAME": name, "CATALOG__WAREHOUSE": str(folder), **changes}
    with pytest.MonkeyPatch.context() as patch:
        for setting, value in own.items():
            patch.setenv(f"TIDEMARK_{setting}", value)
        settings.cache_clear()
        with open_catalogue() as lake:
            lake.create_tables()  # the catalogue's own, which Spark makes otherwise
            lake.create_namespace("gold")
            yield lake
    settings.cache_clear()
