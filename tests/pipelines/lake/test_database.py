"""What two processes must not do at once, one does, and the other says so."""

import pytest

from pipelines.base.errors import StaleRead
from pipelines.base.settings import Settings
from pipelines.lake.database import alone

WORK, OTHER = "repair silver.reviews", "repair silver.orders"


@pytest.mark.integration
def test_work_of_one_name_is_done_by_one_at_a_time(local_stack: Settings) -> None:
    with alone(local_stack, WORK):
        with pytest.raises(StaleRead, match=rf"Another process does this just now \({WORK}\)"), alone(local_stack, WORK):
            pass
        with alone(local_stack, OTHER):
            pass
    with alone(local_stack, WORK):
        pass
