"""Which micro-batch a task belongs to."""

from pyspark import TaskContext

from pipelines.online_store.two_version_records import Batch


def this_batch() -> Batch:
    """Return the batch of the streaming query in one of whose tasks this code runs; raises
    RuntimeError elsewhere.
    """
    task = TaskContext.get()
    if task is None:
        raise RuntimeError("Only a task of a streaming query has a batch.")
    return Batch(str(task.getLocalProperty("sql.streaming.queryId")), int(str(task.getLocalProperty("streaming.sql.batchId"))))
