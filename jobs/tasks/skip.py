"""Take the record at which a query fails out of its way: it goes to quarantine, and the query goes
on.
"""

from typing import Annotated

import typer

from pipelines.base import exits, logs
from pipelines.operations import skipping
from pipelines.streaming.job import run

NAME = "skip"
log = logs.get(__name__)


def main(
    query: Annotated[str, typer.Option(help="The query that fails, such as gold.orders; make status names it.")],
) -> None:
    """Move the record that a failing query names to quarantine, with its cause, and let the query
    go on without it; no other record is touched.
    """
    with exits.in_words(NAME):
        record, cause = skipping.failing(query)
    run(NAME, lambda spark: skipping.skip(spark, query, record, cause))
    log.info("skipped", query=query, record=str(record), cause=cause)


if __name__ == "__main__":
    typer.run(main)
