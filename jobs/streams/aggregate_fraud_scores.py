"""Land silver.fraud_scores in gold.fraud_scores: one score per payment, the first one counts."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold import fraud_scores
from pipelines.silver import fraud_scores as scores
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.fraud_scores."""
    arriving = stream.read_table(spark, scores.TABLE, fraud_scores.TABLE)
    return stream.upsert(fraud_scores.score(arriving), fraud_scores.TABLE, keep_first=True)


if __name__ == "__main__":
    run_queries("aggregate_fraud_scores", start)
