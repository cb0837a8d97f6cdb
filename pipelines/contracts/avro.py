"""Decodes and encodes Confluent-framed Avro in Spark expressions: one branch for all writer schemas
that are read alike, one reader schema.
"""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro, to_avro

from pipelines.base.errors import ContractError
from pipelines.contracts.contract import Contract, Writer
from pipelines.contracts.framing import HEADER_BYTES, header, long
from pipelines.contracts.resolution import Resolution, resolution

COMPILED = 3  # ways in which a topic's records are decoded by code that is made for them


def schema_id(value: Column) -> Column:
    """Return the schema id in a record's header as an int; null when the header is not there."""
    return F.when(_is_framed(value), F.conv(F.hex(F.substring(value, 2, 4)), 16, 10).cast("long"))


def _is_framed(value: Column) -> Column:
    return (F.length(value) >= HEADER_BYTES) & (F.substring(value, 1, 1) == F.lit(b"\x00"))


def decode(value: Column, contract: Contract) -> Column:
    """Return the record as a struct in the reader schema; null, or a struct of nulls, where it
    cannot be decoded.
    """
    headers: dict[Resolution, list[bytes]] = {resolution(contract.reader, contract.reader): []}
    for id_, written_with in contract.writers.items():
        headers.setdefault(resolution(written_with, contract.reader), []).append(header(id_))
    used = [(resolved, of) for resolved, of in headers.items() if of] or [*headers.items()]
    usual, others = used[:COMPILED], used[COMPILED:]
    branches = _branches(value, usual)
    if others:
        # A function over an array is no part of the code that Spark makes for the records, which
        # Java does not compile when it gets too long: that took three times as long for all.
        rest = F.transform(F.array(value), lambda alone: F.coalesce(*_branches(alone, others)))[0]
        branches.append(F.when(_frame(value).isin([each for _, of in others for each in of]), rest))
    return F.coalesce(*branches)


def _frame(value: Column) -> Column:
    """Return a record's header, to be compared as bytes: reading the id as a number takes longer
    than all the rest.
    """
    return F.substring(value, 1, HEADER_BYTES)


def _branches(value: Column, headers: Sequence[tuple[Resolution, Sequence[bytes]]]) -> list[Column]:
    """Return for each resolution the record where it has one of its headers, null where not."""
    body = F.substring(value, HEADER_BYTES + 1, 2**31 - 1)
    return [F.when(_frame(value).isin([*of]), _decoded(body, resolved)) for resolved, of in headers]


def _decoded(body: Column, resolved: Resolution) -> Column:
    decoded = from_avro(body, resolved.writer, {"mode": "PERMISSIVE", "avroSchema": resolved.reader})
    if resolved.wide_and_ours is None:
        return decoded
    wide, ours = resolved.wide_and_ours
    # transform over a one-element array decodes once. What does not come back as it was, such as a
    # third of a cent, is not decoded.
    return F.transform(
        F.array(decoded),
        lambda theirs: F.when(theirs.try_cast(ours).try_cast(wide).eqNullSafe(theirs), theirs.try_cast(ours)),
    )[0]


def frame_refusal(value: Column, contract: Contract) -> Column:
    """Return why a record cannot even be tried: tombstone, no_schema_header, unreadable_schema or
    unknown_schema_id; null where it can. Further reasons may follow with `when`.
    """
    frame = _frame(value)
    known = frame.isin([header(id_) for id_ in contract.writers])
    reason = F.when(value.isNull(), "tombstone").when(~_is_framed(value), "no_schema_header")
    if contract.unreadable:
        reason = reason.when(frame.isin([header(id_) for id_ in contract.unreadable]), "unreadable_schema")
    return reason.when(~known, "unknown_schema_id")


def encode(record: Column, writer: Writer) -> Column:
    """Return a struct as Confluent-framed Avro bytes."""
    return F.concat(F.lit(header(writer.schema_id)), to_avro(record, writer.schema))


def encode_around(ready: str, columns: Sequence[str], writer: Writer) -> Column:
    """Return a record of `columns` as Confluent-framed Avro bytes, where the column `ready` is
    bytes of Avro already.

    The bytes of a record are those of its fields, one after the other (Avro 1.12 specification,
    Binary Encoding): what comes before that field and what comes behind it are encoded as a record
    each. Raises ContractError where the columns are not the schema's fields.
    """
    schema = json.loads(writer.schema)
    names = [field["name"] for field in schema["fields"]]
    if other := set(columns) ^ set(names):
        raise ContractError(f"The columns of {schema['name']} are not those of its schema: mend {', '.join(sorted(other))}.")
    place = names.index(ready)

    def record_of(fields: list[dict[str, object]]) -> Column:
        return to_avro(F.struct(*(str(field["name"]) for field in fields)), json.dumps({**schema, "fields": fields}))

    before, behind = schema["fields"][:place], schema["fields"][place + 1 :]
    return F.concat(F.lit(header(writer.schema_id)), record_of(before), F.col(ready), record_of(behind))


def float_arrays(rows: npt.NDArray[np.float32]) -> pa.Array:
    """Return each of the rows (n, width) as the bytes of an Avro array of floats: a block of all,
    and the end.
    """
    count, size = len(rows), rows.shape[1]
    begin = np.frombuffer(long(size), np.uint8)
    encoded = np.zeros((count, len(begin) + 4 * size + 1), np.uint8)
    encoded[:, : len(begin)] = begin
    encoded[:, len(begin) : -1] = np.ascontiguousarray(rows, "<f4").view(np.uint8).reshape(count, 4 * size)
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(encoded.shape[1])
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), pa.py_buffer(encoded)])
