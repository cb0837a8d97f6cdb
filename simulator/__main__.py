"""Runs the shop: `python -m simulator --help`."""

import sys

from pipelines.base import logs
from pipelines.base.errors import TidemarkError
from simulator.cli import app


def main() -> None:
    """Run the command line; an error is one sentence on standard error and exit code 1."""
    logs.configure()
    try:
        app(prog_name="python -m simulator")
    except TidemarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
