"""What is declined is alerted, once for each score, beside the score itself."""

import io
import json
from typing import Any

import fastavro
import numpy as np
import pytest
from builders import a_score, at, schemas
from pyspark.sql import DataFrame, SparkSession

from pipelines.contracts.avro import float_arrays
from pipelines.contracts.contract import Writer
from pipelines.contracts.framing import HEADER_BYTES
from pipelines.fraud import alerts, scoring

SCORED = Writer("tidemark.fraud_scores", schemas("tidemark.fraud_scores")[-1], 7)
ALERTING = Writer(alerts.TOPIC, schemas(alerts.TOPIC)[-1], 8)


def scores(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    made = [{**row, "features": float_arrays(np.float32([row["features"]]))[0].as_py()} for row in rows]
    return spark.createDataFrame([[row[name] for name in scoring.SCORE_NAMES] for row in made], scoring.SCORE_SCHEMA)


def sent(frame: DataFrame) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (topic, key, event) of the messages, decoded by fastavro."""
    writers = {writer.topic: writer for writer in (SCORED, ALERTING)}
    made = []
    for row in scoring.messages(frame, SCORED, ALERTING).collect():
        writer = writers[row["topic"]]
        assert bytes(row["value"][:HEADER_BYTES]) == b"\x00" + writer.schema_id.to_bytes(4, "big")
        schema = fastavro.parse_schema(json.loads(writer.schema))
        event = fastavro.schemaless_reader(io.BytesIO(bytes(row["value"][HEADER_BYTES:])), schema, schema)
        made.append((row["topic"], row["key"], event))
    return made


@pytest.mark.parametrize("decision", ["approve", "review"])
def test_what_is_not_declined_is_a_score_and_no_alert(spark: SparkSession, decision: str) -> None:
    ((topic, key, event),) = sent(scores(spark, a_score(decision=decision)))
    assert (topic, key, event["decision"], event["payment_id"]) == (SCORED.topic, "card1", decision, "pay1")


def test_a_declined_payment_is_alerted_with_its_reasons_and_who_says_so(spark: SparkSession) -> None:
    made = a_score(decision="decline", probability=0.9125, reasons=["speed: 900 (km/h)", "first payment to this seller: yes"])
    (topic, _, score), (other, key, alert) = sent(scores(spark, made))
    assert (topic, score["event_id"]) == (SCORED.topic, "score-e1")
    assert (other, key) == (alerts.TOPIC, "pay1")
    assert alert == {
        "event_id": "alert-score-e1",
        "event_at": made["event_at"],
        "kind": "fraud",
        "subject_id": "pay1",
        "severity": "high",
        "message": "Payment declined, fraud with a probability of 0.913: speed: 900 (km/h); first payment to this seller: yes",
        "made_by": "model/fraud/1",
        "raised_at": at(0.2),
    }


def test_an_alert_without_reasons_says_what_it_knows(spark: SparkSession) -> None:
    _, (_, _, alert) = sent(scores(spark, a_score(decision="decline", probability=0.5, reasons=[])))
    assert alert["message"] == "Payment declined, fraud with a probability of 0.500"


def test_what_is_done_again_is_the_same_alert(spark: SparkSession) -> None:
    again = [event for topic, _, event in sent(scores(spark, *[a_score(decision="decline")] * 2)) if topic == alerts.TOPIC]
    assert [event["event_id"] for event in again] == ["alert-score-e1"] * 2
