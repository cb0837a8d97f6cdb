"""Spark's own pages, for this machine only."""

from pyspark.sql import SparkSession

NAMES = ("127.0.0.1", "localhost", "[::1]")


def refuse_other_names(spark: SparkSession) -> None:
    """Have Spark's pages answer 404 under any name but this machine's: a page of a stranger whose
    name resolves to 127.0.0.1 would else read them (DNS rebinding).

    Jetty's virtual hosts do it, at no cost; Spark has no setting for them.
    """
    ui = spark.sparkContext._jsc.sc().ui()
    if ui.isEmpty():
        return
    spark._jsparkSession.sharedState()  # which adds the pages of SQL and of streams
    gateway = spark.sparkContext._gateway
    names = gateway.new_array(gateway.jvm.java.lang.String, len(NAMES))  # type: ignore[union-attr]
    for position, name in enumerate(NAMES):
        names[position] = name
    handlers = ui.get().getHandlers()
    for position in range(handlers.length()):
        handlers.apply(position).setVirtualHosts(names)
