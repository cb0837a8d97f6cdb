"""Turns payments as Arrow columns (silver.payments' names and types) into the records that the card fold takes."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.features.card_records import PAYMENT, Records
from pipelines.features.labels import Findings

COLUMNS = (
    "event_id",
    "event_at",
    "card_id",
    "seller_id",
    "device_id",
    "country",
    "amount",
    "currency",
    "installments",
    "attempt_number",
    "method",
    "channel",
    "latitude",
    "longitude",
    "three_d_secure",
)


def hashed(texts: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each text, the same in every process and never 0, which means nothing remembered."""
    hashes = pd.util.hash_array(texts.to_numpy(), categorize=False)
    return np.maximum(hashes, np.uint64(1))


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return the values as floats, NaN where there is none."""
    numbers: npt.NDArray[np.float64] = pc.fill_null(pc.cast(values, pa.float64()), np.nan).to_numpy()
    return numbers


def _flags(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return _numbers(pc.cast(values, pa.int8()))


def _microseconds(moments: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    whole: npt.NDArray[np.int64] = pc.cast(pc.cast(moments, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    return whole


def findings(payments: pa.Table) -> Findings:
    """Return what the bank found of `payments`, whose column `findings` lists (found_at, fraud)."""
    listed = payments["findings"].combine_chunks()
    told = pc.list_flatten(listed)
    found_at, fraud = pa.chunked_array([pc.struct_field(told, "found_at")]), pc.struct_field(told, "fraud")
    return Findings(pc.list_parent_indices(listed).to_numpy(), _microseconds(found_at), _flags(pa.chunked_array([fraud])) > 0)


def sales(payments: pa.Table) -> Records:
    """Return PAYMENT records with what the seller fold takes of payments: when, and how much."""
    made = np.zeros(len(payments), PAYMENT)
    made["at_us"], made["amount"] = _microseconds(payments["event_at"]), _numbers(payments["amount"])
    return made


def records(payments: pa.Table) -> Records:
    """Return one PAYMENT record per row of `payments`, which has COLUMNS."""
    made = np.zeros(len(payments), PAYMENT)
    made["at_us"] = _microseconds(payments["event_at"])
    made["event"] = hashed(payments["event_id"])
    made["seller"] = hashed(payments["seller_id"])
    made["device"] = hashed(payments["device_id"])
    made["country"] = hashed(payments["country"])
    made["currency"] = hashed(payments["currency"])
    for name in ("amount", "latitude", "longitude", "installments", "attempt_number"):
        made[name] = _numbers(payments[name])
    made["credit_card"] = _flags(pc.equal(payments["method"], "credit_card"))
    made["debit_card"] = _flags(pc.equal(payments["method"], "debit_card"))
    made["app"] = _flags(pc.equal(payments["channel"], "app"))
    made["three_d_secure"] = _flags(payments["three_d_secure"])
    return made


def cards(payments: pa.Table) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct cards of `payments` and, per row, which of them paid."""
    return _numbered(payments["card_id"])


def sellers(payments: pa.Table) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct sellers of `payments` and, per row, which of them was paid."""
    return _numbered(payments["seller_id"])


def _numbered(ids: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    encoded = ids.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
