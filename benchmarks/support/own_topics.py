"""Topics that a benchmark has for itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient

from pipelines.base.settings import settings
from pipelines.kafka import topics

DELETED_WITHIN_S = 30.0


@contextmanager
def own_topics(*names: str, partitions: int) -> Iterator[None]:
    """Create the topics, and delete them at the end, whatever happened."""
    kafka = settings().kafka
    topics.create_missing(kafka.model_copy(update={"partitions": partitions}), names)
    try:
        yield
    finally:
        # Held by a name: it must outlive the answers.
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        for deleted in admin.delete_topics(list(names)).values():
            deleted.result(DELETED_WITHIN_S)
