"""Whoever waits for an aggregated table goes on once its query has read all and gone on to the
watermark that follows from it.
"""

import threading
from pathlib import Path

import pytest
from small_lake import REVIEWS, SmallLake, refined

from pipelines.base.errors import ServiceUnreachable, ShuttingDown
from pipelines.silver import reviews
from pipelines.streaming import aggregated
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Merge, Table

RATED = Table("gold.ratings", "One row per product.", (), ("product_id",), Merge(), made_from=(reviews.TABLE.name,))


class Ratings:
    """A topic of so many records, silver.reviews, and a query that aggregates it."""

    def __init__(self, lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lake, self.batch = lake, 0
        monkeypatch.setattr(aggregated, "LOOK_EVERY_S", 0.001)
        monkeypatch.setattr(aggregated.topics, "end_offsets", lambda kafka, topic: {0: 3})

    def commit(self, offset: TableOffset, watermark_ms: int, next_ms: int) -> None:
        """Let the query have committed a batch."""
        texts = {
            "offsets": f'v1\n{{"batchWatermarkMs": {watermark_ms}}}\n{offset.to_json()}',
            "commits": f'v1\n{{"nextBatchWatermarkMs": {next_ms}}}',
        }
        for log, text in texts.items():
            file = self.lake.checkpoints / RATED.name / log / str(self.batch)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.batch += 1

    def wait(self, stop: threading.Event | None = None) -> None:
        """Wait, without patience."""
        aggregated.wait(self.lake.catalogue, reviews.TABLE, RATED, 0.02, stop or threading.Event())


@pytest.fixture
def ratings(own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Ratings:
    return Ratings(SmallLake(own_settings), monkeypatch)


def refine(ratings: Ratings, *offsets: int) -> int:
    """Let silver have committed records, and return the snapshot."""
    snapshot = ratings.lake.append(reviews.TABLE, *(refined(offset) for offset in offsets))
    ratings.lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: offsets[-1] + 1}}))
    return snapshot


def test_silver_that_lacks_records_of_its_topic_is_waited_for(ratings: Ratings) -> None:
    refine(ratings, 0, 1)
    with pytest.raises(ServiceUnreachable, match=r"Waited in vain for silver\.reviews to have all of its topic"):
        ratings.wait()


@pytest.mark.parametrize("read", ["nothing", "an older snapshot", "not all files"])
def test_a_query_that_has_not_read_all_is_waited_for(ratings: Ratings, read: str) -> None:
    first, second = refine(ratings, 0), refine(ratings, 1, 2)
    offsets = {
        "an older snapshot": TableOffset(first, 1, scan_all_files=False),
        "not all files": TableOffset(second, 0, scan_all_files=False),
    }
    if read in offsets:
        ratings.commit(offsets[read], 0, 0)
    with pytest.raises(
        ServiceUnreachable, match=r"gold\.ratings to read silver\.reviews, of which nothing has moved for 0\.02 s"
    ):
        ratings.wait()


def test_the_batch_after_the_last_rows_is_waited_for(ratings: Ratings) -> None:
    offset = TableOffset(refine(ratings, 0, 1, 2), 1, scan_all_files=False)
    ratings.commit(offset, 0, 7_000)
    with pytest.raises(ServiceUnreachable, match=r"the next batch of gold\.ratings"):
        ratings.wait()
    ratings.commit(offset, 7_000, 7_000)
    ratings.wait()


def test_a_query_that_has_come_further_meanwhile_has_read_all(ratings: Ratings, monkeypatch: pytest.MonkeyPatch) -> None:
    refine(ratings, 0, 1, 2)
    began = aggregated._newest_append(ratings.lake.catalogue, reviews.TABLE)
    monkeypatch.setattr(aggregated, "_newest_append", lambda catalogue, table: began)
    later = ratings.lake.append(reviews.TABLE, refined(3))
    ratings.commit(TableOffset(later, 0, scan_all_files=False), 0, 0)
    ratings.wait()


def test_a_table_of_which_nothing_was_written_is_not_waited_for(ratings: Ratings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregated.topics, "end_offsets", lambda kafka, topic: {0: 0})
    ratings.wait()


def test_who_is_to_stop_does_not_wait(ratings: Ratings) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ShuttingDown, match="Stopped while waiting for silver"):
        ratings.wait(stop)
