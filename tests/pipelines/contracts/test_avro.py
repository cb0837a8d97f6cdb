"""A record put together from parts has the bytes that fastavro writes."""

import io
import json
from typing import Any

import fastavro
import numpy as np
import pytest
from builders import a_score, schemas
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyspark.sql import SparkSession

from pipelines.base.errors import ContractError
from pipelines.contracts.avro import encode_around, float_arrays
from pipelines.contracts.contract import Writer
from pipelines.fraud.scoring import SCORE_NAMES, SCORE_SCHEMA

SCORES = "tidemark.fraud_scores"
FLOATS = {"type": "array", "items": "float"}


def written(value: Any, schema: Any) -> bytes:
    """Return what fastavro makes of a value."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 200)), elements=st.floats(width=32)))
def test_rows_of_floats_are_arrays_of_avro(rows: np.ndarray) -> None:
    assert float_arrays(rows).to_pylist() == [written(row.tolist(), FLOATS) for row in rows]


def test_columns_that_the_schema_lacks_are_refused(spark: SparkSession) -> None:
    with pytest.raises(ContractError, match="mend novelty"):
        encode_around("features", [*SCORE_NAMES, "novelty"], Writer(SCORES, schemas(SCORES)[-1], 7))


def test_a_record_around_bytes_that_are_ready_is_the_record(spark: SparkSession) -> None:
    schema = schemas("tidemark.fraud_scores")[-1]
    score = a_score(features=[1.5, float("nan"), -2.0], reasons=["speed: 900 (km/h)"])
    ready = {**score, "features": written(score["features"], FLOATS)}
    frame = spark.createDataFrame([[ready[name] for name in SCORE_NAMES]], SCORE_SCHEMA)
    ((value,),) = frame.select(encode_around("features", SCORE_NAMES, Writer(SCORES, schema, 7))).collect()
    assert bytes(value) == b"\x00\x00\x00\x00\x07" + written(score, json.loads(schema))
