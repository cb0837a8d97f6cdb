"""Decodes and encodes Confluent-framed Avro in Spark expressions: one branch per known writer
schema, one reader schema.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro, to_avro

from pipelines.base.errors import ContractError

HEADER_BYTES = 5  # a zero byte, then the schema id as a big-endian 4-byte integer


@dataclass(frozen=True)
class Contract:
    """A topic's schemas: the one we read with, and every known one that records may be written
    with, by id.
    """

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
    return F.when(_is_framed(value), F.conv(F.hex(F.substring(value, 2, 4)), 16, 10).cast("long"))


def _is_framed(value: Column) -> Column:
    return (F.length(value) >= HEADER_BYTES) & (F.substring(value, 1, 1) == F.lit(b"\x00"))


def _header(id_: int) -> bytes:
    return b"\x00" + id_.to_bytes(4, "big")


def decode(value: Column, contract: Contract) -> Column:
    """Return the record as a struct in the reader schema; null, or a struct of nulls, where it
    cannot be decoded.
    """
    body = F.substring(value, HEADER_BYTES + 1, 2**31 - 1)
    options = {"mode": "PERMISSIVE", "avroSchema": contract.reader}
    # Compared as bytes: reading the id as a number takes longer than all the rest.
    header = F.substring(value, 1, HEADER_BYTES)
    branches = [F.when(header == F.lit(_header(id_)), from_avro(body, told, options)) for id_, told in contract.writers.items()]
    return F.coalesce(*branches)


def frame_refusal(value: Column, contract: Contract) -> Column:
    """Return why a record cannot even be tried: tombstone, no_schema_header or unknown_schema_id;
    null where it can.
    """
    known = F.substring(value, 1, HEADER_BYTES).isin([_header(id_) for id_ in contract.writers])
    return F.when(value.isNull(), "tombstone").when(~_is_framed(value), "no_schema_header").when(~known, "unknown_schema_id")


def encode(record: Column, schema: str, id_: int) -> Column:
    """Return a struct as Confluent-framed Avro bytes."""
    return F.concat(F.lit(_header(id_)), to_avro(record, schema))


def encode_around(ready: str, columns: Sequence[str], schema: str, id_: int) -> Column:
    """Return a record of `columns` as Confluent-framed Avro bytes, where the column `ready` is
    bytes of Avro already.

    The bytes of a record are those of its fields, one after the other (Avro 1.12 specification,
    Binary Encoding): what comes before that field and what comes behind it are encoded as a record
    each. Raises ContractError where the columns are not the schema's fields.
    """
    told = json.loads(schema)
    names = [field["name"] for field in told["fields"]]
    if other := set(columns) ^ set(names):
        raise ContractError(f"The columns of {told['name']} are not those of its schema: mend {', '.join(sorted(other))}.")
    place = names.index(ready)

    def part(fields: list[dict[str, object]]) -> Column:
        return to_avro(F.struct(*(str(field["name"]) for field in fields)), json.dumps({**told, "fields": fields}))

    return F.concat(F.lit(_header(id_)), part(told["fields"][:place]), F.col(ready), part(told["fields"][place + 1 :]))


def float_arrays(rows: npt.NDArray[np.float32]) -> pa.Array:
    """Return each of the rows (n, width) as the bytes of an Avro array of floats: a block of all,
    and the end.
    """
    count, size = len(rows), rows.shape[1]
    begin = np.frombuffer(_long(size), np.uint8)
    encoded = np.zeros((count, len(begin) + 4 * size + 1), np.uint8)
    encoded[:, : len(begin)] = begin
    encoded[:, len(begin) : -1] = np.ascontiguousarray(rows, "<f4").view(np.uint8).reshape(count, 4 * size)
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(encoded.shape[1])
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), pa.py_buffer(encoded)])


def _long(number: int) -> bytes:
    """Return a number of items that is not negative as Avro does: zigzag, seven bits a byte."""
    number, out = number << 1, bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
