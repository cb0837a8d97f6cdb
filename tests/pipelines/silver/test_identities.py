"""Spark says of a text whether it is an id as Python does."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ids import WORDS
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.placeholders import NOTHING, SIGNS, no_id
from pipelines.silver.identities import is_none

# Words in any case with signs and other letters around them, signs alone, and any text.
AROUND = st.text(SIGNS + "0ax", max_size=3)
WORD = st.sampled_from(WORDS.of_any).flatmap(lambda word: st.sampled_from([word, word.upper(), word.title()]))
TEXTS = st.tuples(AROUND, WORD, AROUND).map("".join) | st.text(NOTHING, max_size=5) | st.text(max_size=8)


@pytest.mark.parametrize("words", [WORDS.of_any, ()])
# Without shrinking: each step of it would be a run of Spark.
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=200, max_size=500))
def test_spark_and_python_judge_alike(spark: SparkSession, words: tuple[str, ...], texts: list[str]) -> None:
    texts += [*words, *SIGNS, "card-1", "nullable", "guest42", "ключ"]
    rows = spark.createDataFrame([(text,) for text in texts], "text string")
    found = [row["is_none"] for row in rows.select(is_none(F.col("text"), words).alias("is_none")).collect()]
    assert found == [no_id(words)(text) for text in texts]
