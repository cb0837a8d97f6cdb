"""Counts what was sent, by topic, and writes it down so that tests can compare it with the
tables.
"""

import json
from collections import Counter
from pathlib import Path

COUNTS = ("events", "late", "duplicates", "corrupt", "records")


class Ledger:
    """Counts by topic: `events` are good and different, `late` ones among them came late, and

    records = events + duplicates + corrupt.
    """

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTS}

    def count(self, name: str, topic: str) -> None:
        """Add one to a count of a topic; every count but `late` is also a record."""
        self.counts[name][topic] += 1
        if name != "late":
            self.counts["records"][topic] += 1

    def total(self, name: str) -> int:
        """Return a count over all topics."""
        return self.counts[name].total()

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Return every count of every topic that had a record."""
        topics = sorted(self.counts["records"])
        return {topic: {name: self.counts[name][topic] for name in COUNTS} for topic in topics}

    def write(self, path: Path) -> None:
        """Write the counts as JSON; readers see the old file or the new one, never half of one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(self.as_dict(), indent=2) + "\n")
        fresh.replace(path)
