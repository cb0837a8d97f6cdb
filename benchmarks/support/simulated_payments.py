"""The payments of a simulated shop with what the bank found of them: what training reads from
silver, made without services.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.receipt import ReceiptError
from pipelines.base.arrays import DAY_US
from pipelines.fraud.features.payment_records import COLUMNS
from simulator.event import Event
from simulator.pace import Events, bulk
from simulator.progress_bar import with_progress
from simulator.shop import Shop, events_per_s

MOMENT = pa.timestamp("us", "UTC")
FINDING = pa.struct([("found_at", MOMENT), ("fraud", pa.bool_())])
NOT_TEXTS = {
    "event_at": MOMENT,
    "kafka_at": MOMENT,
    "amount": pa.decimal128(12, 2),
    "installments": pa.int32(),
    "attempt_number": pa.int32(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "three_d_secure": pa.bool_(),
}
PAYMENT = pa.schema([(name, NOT_TEXTS.get(name, pa.string())) for name in ("payment_id", *COLUMNS, "kafka_at")])

Record = dict[str, Any]


@dataclass(frozen=True)
class Past:
    """What a shop's payments follow from: its seed, the day it opened (UTC), how long ago that was,
    and how busy it is.
    """

    seed: int
    opened: date
    days: float
    orders_per_day: float


def cached(past: Past, file: Path | None) -> pa.Table:
    """Return the payments of a past from the file, or simulate and write them there; without a file
    they are not written.

    Raises ReceiptError where the file holds those of another past.
    """
    if file is None or not file.exists():
        made = payments(past)
        if file is not None:
            pq.write_table(made, file)
        return made
    found = pq.read_table(file)
    if found.schema.metadata != _metadata(past):
        raise ReceiptError(f"{file} does not hold the payments of {past}: remove it, or name another file.")
    return found


def payments(past: Past) -> pa.Table:
    """Return the payments of a past in order of time, labelled as pipelines/fraud/training_data.py
    does.

    The same past gives the same ones. Clicks are not simulated; orders, stock, campaigns and the
    bank are. A bar on standard error shows how far it is.
    """
    start_us = _start_us(past)
    shop = Shop(past.seed, start_us, events_per_s(past.orders_per_day, clicks_share=0.0), clicks_share=0.0)
    end_us = start_us + round(past.days * DAY_US)
    paid: list[pa.Table] = []
    found: list[Record] = []
    for batch in with_progress(bulk(Events(shop.events()), end_us, lambda seconds: False), start_us, end_us):
        paid.append(_typed(_of("shop.payments", batch)))
        found += _of("shop.chargebacks", batch)
    return labelled(pa.concat_tables(paid), found).replace_schema_metadata(_metadata(past))


def _start_us(past: Past) -> int:
    return int(np.datetime64(past.opened, "us").astype(np.int64))


def _metadata(past: Past) -> dict[bytes, bytes]:
    return {b"past": repr(past).encode()}


def _of(topic: str, batch: Iterable[Event]) -> list[Record]:
    return [event.record for event in batch if event.topic == topic]


def _typed(records: list[Record]) -> pa.Table:
    """Return records of payments as silver has them, money in units instead of cents; each arrives
    when it is made.
    """
    return pa.Table.from_pylist([{**record, **_columns_of_silver(record)} for record in records], PAYMENT)


def _columns_of_silver(record: Record) -> Record:
    return {"amount": Decimal(record["amount"]).scaleb(-2), "kafka_at": record["event_at"]}


def labelled(paid: pa.Table, found: Iterable[Record]) -> pa.Table:
    """Return payments with `fraud` and `campaign`, what the bank found last, and all its
    `findings`, given in order of time.
    """
    findings: dict[str, list[Record]] = defaultdict(list)
    last: dict[str, Record] = {}
    for finding in found:
        findings[finding["payment_id"]].append({"found_at": finding["event_at"], "fraud": finding["fraud"]})
        last[finding["payment_id"]] = finding
    nothing: Record = {"fraud": False, "reason": ""}
    by_payment = [(last.get(payment, nothing), findings.get(payment)) for payment in paid["payment_id"].to_pylist()]
    return (
        paid.append_column("fraud", pa.array([finding["fraud"] for finding, _ in by_payment], pa.bool_()))
        .append_column("campaign", pa.array([finding["reason"] for finding, _ in by_payment], pa.string()))
        .append_column("findings", pa.array([listed for _, listed in by_payment], pa.list_(FINDING)))
    )
