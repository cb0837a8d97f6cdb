"""What lives beside a job's queries: work that is done every so often, survives whatever fails, and
ends with the job.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import SparkSession

from pipelines.base import logs, shutdown
from pipelines.base.errors import EngineLost, TidemarkError
from pipelines.streaming import jvm

log = logs.get(__name__)


@dataclass(frozen=True)
class Companion:
    """Tasks by name, each done `every_s` seconds whatever becomes of the others, until `stop` is
    set.
    """

    name: str
    every_s: float
    tasks: Mapping[str, Callable[[SparkSession], object]]
    stop: threading.Event = field(default=shutdown.requested)

    def live(self, spark: SparkSession) -> None:
        """Do the tasks again and again; return when `stop` is set or Spark's Java process has
        gone.
        """
        spark.sparkContext.setLocalProperty(jvm.POOL, self.name)
        while not self.stop.wait(self.every_s):
            for name, task in self.tasks.items():
                if not (self.stop.is_set() or self._survived(spark, name, task)):
                    return

    def _survived(self, spark: SparkSession, name: str, task: Callable[[SparkSession], object]) -> bool:
        """Do a task, log what fails, and return whether Spark's Java process is still there."""
        try:
            with jvm.needed(spark):
                task(spark)
        except EngineLost:
            return False  # the job logs it
        except (TidemarkError, *jvm.SPARK_ERRORS) as error:
            if not self.stop.is_set():
                log.warning("task_failed", companion=self.name, task=name, error=jvm.sentence(error))
        except Exception as error:  # what nobody foresaw must not end the thread in silence
            log.error("task_failed_unforeseen", companion=self.name, task=name, exc_info=error)
        return True
