"""Quantities on the command line are read in their units, and what is none is refused in one
sentence.
"""

import pytest
import typer

from simulator.quantities import seconds, share, speed


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("10m", 600), ("1.5h", 5_400), ("30d", 2_592_000), (7.0, 7)])
def test_lengths_of_time(text: str | float, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("x1", 1), ("x10", 10), ("x0.5", 0.5), ("1000", 1_000), (1.0, 1)])
def test_speeds(text: str | float, expected: float) -> None:
    assert speed(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("1%", 0.01), ("0.1%", 0.001), ("100%", 1), (0.0, 0)])
def test_shares(text: str | float, expected: float) -> None:
    assert share(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("read", "text"),
    [(seconds, "10"), (seconds, "soon"), (seconds, "-1m"), (speed, "x0"), (speed, "fast"), (share, "0.01"), (share, "101%")],
)
def test_anything_else_is_refused(read: object, text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write"):
        read(text)  # type: ignore[operator]
