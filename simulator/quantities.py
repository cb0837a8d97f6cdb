"""Reads the quantities of the command line, `10m`, `x10`, `1%`; numbers (the defaults) are read
already.
"""

import re

import typer

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
NUMBER = r"(\d+(?:\.\d+)?)"


def seconds(text: str | float) -> float:
    """Read `90s`, `10m`, `2h` or `30d` as seconds."""
    if isinstance(text, float):
        return text
    found = re.fullmatch(NUMBER + "([smhd])", text.strip())
    if not found:
        raise typer.BadParameter(f"{text!r} is no length of time: write a number and s, m, h or d, such as 10m.")
    return float(found[1]) * SECONDS[found[2]]


def speed(text: str | float) -> float:
    """Read `x10` as ten times as fast as real time."""
    if isinstance(text, float):
        return text
    found = re.fullmatch("x?" + NUMBER, text.strip())
    if not found or float(found[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no speed: write x and a number above 0, such as x10.")
    return float(found[1])


def share(text: str | float) -> float:
    """Read `1%` as 0.01."""
    if isinstance(text, float):
        return text
    found = re.fullmatch(NUMBER + "%", text.strip())
    if not found or float(found[1]) > 100:
        raise typer.BadParameter(f"{text!r} is no share: write a percentage from 0% to 100%, such as 1%.")
    return float(found[1]) / 100
