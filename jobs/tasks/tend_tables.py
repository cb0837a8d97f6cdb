"""Compact the small files of bronze and silver, expire their old snapshots, and remove the orphan
files of all tables, once; streams may run meanwhile.
"""

from pipelines.operations import upkeep
from pipelines.streaming.job import run

if __name__ == "__main__":
    run("tend_tables", upkeep.tend_all)
