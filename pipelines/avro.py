"""Decodes Confluent-framed Avro in Spark expressions: one branch per known writer schema, one reader schema."""

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro, to_avro

HEADER_BYTES = 5  # a zero byte, then the schema id as a big-endian 4-byte integer


@dataclass(frozen=True)
class Contract:
    """A topic's schemas: the one we read with, and every known one that records may be written with, by id."""

    topic: str
    reader: str
    writers: dict[int, str]


@dataclass(frozen=True)
class Writer:
    """A topic with the schema that its records are written with, and that schema's id."""

    topic: str
    schema: str
    schema_id: int


def schema_id(value: Column) -> Column:
    """Return the schema id in a record's header as an int; null when the header is not there."""
    framed = (F.length(value) >= HEADER_BYTES) & (F.substring(value, 1, 1) == F.lit(b"\x00"))
    return F.when(framed, F.conv(F.hex(F.substring(value, 2, 4)), 16, 10).cast("long"))


def decode(value: Column, contract: Contract) -> Column:
    """Return the record as a struct in the reader schema; null, or a struct of nulls, where it cannot be decoded."""
    body = F.substring(value, HEADER_BYTES + 1, 2**31 - 1)
    options = {"mode": "PERMISSIVE", "avroSchema": contract.reader}
    wrote = schema_id(value)
    branches = [F.when(wrote == id_, from_avro(body, writer, options)) for id_, writer in contract.writers.items()]
    return F.coalesce(*branches)


def frame_refusal(value: Column, contract: Contract) -> Column:
    """Return why a record cannot even be tried: tombstone, no_schema_header or unknown_schema_id; null where it can."""
    wrote = schema_id(value)
    return (
        F.when(value.isNull(), "tombstone")
        .when(wrote.isNull(), "no_schema_header")
        .when(~wrote.isin(list(contract.writers)), "unknown_schema_id")
    )


def encode(record: Column, schema: str, id_: int) -> Column:
    """Return a struct as Confluent-framed Avro bytes."""
    return F.concat(F.lit(b"\x00" + id_.to_bytes(4, "big")), to_avro(record, schema))
