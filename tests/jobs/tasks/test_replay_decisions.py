"""A window that is none is refused before Spark starts."""

import pytest
from processes import finished

pytestmark = pytest.mark.programs

JOB = "jobs/tasks/replay_decisions.py"


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("2026-11-222", "2026-11-23", "'2026-11-222' does not match the formats"),
        ("2026-11-22", "2026-11-22T00:00:00Z", "is empty: let it end after its start"),
    ],
)
def test_a_window_that_is_none_is_refused_before_spark_starts(start: str, end: str, sentence: str) -> None:
    done = finished(JOB, "--from", start, "--to", end, expect=2, TIDEMARK_POSTGRES__PORT="1")
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
