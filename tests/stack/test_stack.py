"""The real stack."""

import pytest

from pipelines.settings import Settings
from stack import status
from stack.services import services


@pytest.mark.integration
def test_every_service_runs(local_stack: Settings) -> None:
    assert {row.state for row in status.rows(services())} == {"running"}
