"""The online store (Valkey): states of cards and devices, so written that a batch can be run again,
of sellers, and the model.

A card's record holds the state before and after the last batch applied to it, with that batch's
query and number. A batch that is run again, after a crash or by a retried task, finds its own
number and starts from the state before; every other batch starts from the state after. So dying
anywhere gives the states and scores of never having died. A device's record is like a card's, but
two tasks of one batch may see the same device, and write it at the same moment: the server refuses
to put a record in the place of one of the same batch, and the state after is joined with what the
other task has seen. A seller's record holds what was known at two moments, so that a payment made
before the later one is still told what was known then.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import valkey
from valkey.backoff import NoBackoff
from valkey.retry import Retry

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError, ModelError, ServiceUnreachable
from pipelines.base.settings import Valkey
from pipelines.fraud.features import device_fold
from pipelines.fraud.features.card_state import FEATURE_SET, STATE
from pipelines.fraud.features.device_state import DEVICE
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.models.packed import Packed

BATCH_FIELDS = [("query", "u8", (2,)), ("batch", "i8")]
RECORD = np.dtype([*BATCH_FIELDS, ("before", STATE), ("after", STATE)], align=True)
DEVICE_RECORD = np.dtype([*BATCH_FIELDS, ("before", DEVICE), ("after", DEVICE)], align=True)
# Or more: a payment may be scored without its card's state, but a state that is not written is
# lost.
WRITING_TIMEOUT_S = 2.0
CARDS_PER_COMMAND = 500
SELLERS_KNOWN, SELLERS_DELAY = f"sellers:{FEATURE_SET}:known_us", f"sellers:{FEATURE_SET}:delay_us"
CURRENT, CHALLENGER = "current", "challenger"  # the roles in which a model is published
OF_A_PIPELINE = " of pipeline caused error: "  # after the command, before what the server said
# Writes records of one size, and returns the numbers of those that it has not written: where
# another of the batch with this header lies, and not the one that the record may replace. One look
# and one command for all take as long as not looking.
WRITE_UNLESS_WRITTEN = """
local header, size, records, replaced = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local written, left = {}, {}
for i, found in ipairs(redis.call('MGET', unpack(KEYS))) do
  local first, last = (i - 1) * size + 1, i * size
  if not found or string.sub(found, 1, #header) ~= header or found == string.sub(replaced, first, last) then
    written[#written + 1] = KEYS[i]
    written[#written + 1] = string.sub(records, first, last)
  else
    left[#left + 1] = i - 1
  end
end
if #written > 0 then redis.call('MSET', unpack(written)) end
return left
"""
OLD_MODEL_S = 86_400  # a replaced model stays this long for workers that are about to load it


@dataclass(frozen=True)
class Batch:
    """One micro-batch: the streaming query's id (a UUID) and the batch's number."""

    query_id: str
    number: int


@dataclass(frozen=True)
class Reading:
    """What scoring starts from: the state of each card and device asked for, what is known of each
    seller asked for (SELLER_RECORD), and the published versions of champion and challenger.
    """

    states: Records
    devices: Records
    sellers: Records
    model_version: str | None
    challenger_version: str | None = None


@dataclass(frozen=True)
class Devices:
    """Devices with the states (DEVICE) that they had before a batch and have after it."""

    names: Sequence[str]
    before: Records
    after: Records


class OnlineStore:
    """A client that gives up soon, but later when it writes; every method raises ServiceUnreachable
    then.
    """

    def __init__(self, told: Valkey) -> None:
        self.place = f"{told.host}:{told.port}"
        # Any, because the library's types are those of its blocking and its asynchronous client at
        # once.
        self.client: Any = _client(told, told.timeout_s)
        self.writer: Any = _client(told, max(told.timeout_s, WRITING_TIMEOUT_S))
        self.write_unless_written: Any = self.writer.register_script(WRITE_UNLESS_WRITTEN)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.writer.close()

    def read(
        self, cards: Sequence[str], batch: Batch, model_name: str, sellers: Sequence[str] = (), devices: Sequence[str] = ()
    ) -> Reading:
        """Return the states of `cards` and `devices` from which `batch` starts, what is known of
        `sellers`, and the models: in one round trip, where they are few.

        Raises CheckpointError when a card or a device has already folded a later batch of the same
        query.
        """
        keys = [*_keys(cards), *_device_keys(devices), *_seller_keys(sellers)]

        def ask() -> Any:
            few, *more = _chunks(keys) or [[]]
            pipe = self.client.pipeline(transaction=False).mget(_pointer(model_name), _pointer(model_name, CHALLENGER))
            return [*(pipe.mget(few) if few else pipe).execute(), *(self.client.mget(some) for some in more)]

        versions, *chunks = self._asking("read card states", ask)
        current, challenger = (version.decode() if version else None for version in versions)
        paid, seen, known = _parted([record for some in chunks for record in some], cards, devices)
        return Reading(_start(paid, batch), _start(seen, batch), known, current, challenger)

    def peek(self, cards: Sequence[str], model_name: str, sellers: Sequence[str] = (), devices: Sequence[str] = ()) -> Reading:
        """Return the states after the last batch applied to each card and device, what is known of
        `sellers`, and the model to use, in one command.

        For those who only look, at few cards: nothing may be written that starts from these states.
        """
        keys = [_pointer(model_name), *_keys(cards), *_device_keys(devices), *_seller_keys(sellers)]
        version, *found = self._asking("read card states", lambda: self.client.mget(keys))
        paid, seen, known = _parted(found, cards, devices)
        return Reading(paid["after"].copy(), seen["after"].copy(), known, version.decode() if version else None)

    def write(
        self, cards: Sequence[str], before: Records, after: Records, batch: Batch, devices: Devices | None = None
    ) -> None:
        """Store the states before and after `batch`, in the order of `cards`, and those of
        `devices`, joined with what other tasks of this batch have seen of them.
        """
        self._put("write card states", _keys(cards), lambda some: _records(RECORD, before[some], after[some], batch))
        if devices is not None:
            records = _records(DEVICE_RECORD, devices.before, devices.after, batch)
            self._asking("write device states", lambda: self._join(_device_keys(devices.names), records, batch))

    def _join(self, keys: list[str], records: Records, batch: Batch) -> None:
        left, found = self._unless_written(keys, records, records[:0], batch), records[:0]
        while left:
            keys, records = [keys[i] for i in left], records[left]
            found = _decoded([record for some in _chunks(keys) for record in self.writer.mget(some)], DEVICE_RECORD)
            records = _joined(records, found)
            left = self._unless_written(keys, records, found, batch)

    def _unless_written(self, keys: list[str], records: Records, found: Records, batch: Batch) -> list[int]:
        """Write records, each in the place of another batch's or of the one found, and return the
        numbers of those left.
        """
        left: list[int] = []
        for some in _slices(len(keys)):
            told = [_header(batch), records.itemsize, records[some].tobytes(), found[some].tobytes()]
            left += [some.start + i for i in self.write_unless_written(keys=keys[some], args=told)]
        return left

    def read_sellers(self, sellers: Sequence[str]) -> Records:
        """Return what is known of `sellers`, in their order (SELLER_RECORD)."""

        def ask() -> list[bytes | None]:
            return [record for some in _chunks(_seller_keys(sellers)) for record in self.client.mget(some)]

        return _decoded(self._asking("read seller states", ask), SELLER_RECORD)

    def write_sellers(self, sellers: Sequence[str], records: Records) -> None:
        """Store what is known of `sellers` (SELLER_RECORD), in their order."""
        self._put("write seller states", _seller_keys(sellers), lambda some: records[some])

    def note_sellers_known(self, known_us: int, delay_us: int) -> None:
        """Note that the states of all sellers are whole up to `known_us`, with labels made with the
        label delay `delay_us`.
        """
        facts = {SELLERS_KNOWN: known_us, SELLERS_DELAY: delay_us}
        self._asking("note until when sellers are known", lambda: self.client.mset(facts))

    def sellers_known_us(self, delay_us: int) -> int:
        """Return until when payments and labels are in the states of sellers, 0 where none were
        published with this delay.
        """
        keys = (SELLERS_KNOWN, SELLERS_DELAY)
        known_us, folded_with = self._asking("read until when sellers are known", lambda: self.client.mget(keys))
        return int(known_us) if folded_with is not None and int(folded_with) == delay_us else 0

    def forget_cards(self) -> None:
        """Remove the states of all cards and devices, so that payments can be folded again from the
        first.
        """

        def ask() -> None:
            for kind in ("card:*", "device:*"):
                for some in _chunks(list(self.client.scan_iter(kind, count=CARDS_PER_COMMAND))):
                    self.client.unlink(*some)

        self._asking("forget card states", ask)

    def publish(self, packed: Packed, role: str = CURRENT) -> None:
        """Make `packed` the current model of its name, or its challenger, at once for every
        worker.
        """
        facts = {name: value for name, value in asdict(packed).items() if name != "content"}
        key = _model_key(packed.name, packed.version)

        def ask() -> Any:
            before, beside = self._versions(packed.name, role)
            pipe = self.client.pipeline(transaction=True)
            pipe.hset(key, mapping={"facts": json.dumps(facts), "content": packed.content})
            pipe.set(_pointer(packed.name, role), packed.version)
            if before and before not in (packed.version, beside):
                pipe.expire(_model_key(packed.name, before), OLD_MODEL_S)
            return pipe.persist(key).execute()

        self._asking(f"publish model {packed.name} version {packed.version}", ask)

    def withdraw_challenger(self, model_name: str) -> None:
        """Let no challenger score any more."""

        def ask() -> Any:
            version, current = self._versions(model_name, CHALLENGER)
            pipe = self.client.pipeline(transaction=True).delete(_pointer(model_name, CHALLENGER))
            if version and version != current:
                pipe.expire(_model_key(model_name, version), OLD_MODEL_S)
            return pipe.execute()

        self._asking(f"withdraw the challenger of {model_name}", ask)

    def _versions(self, model_name: str, role: str) -> tuple[str | None, str | None]:
        """Return the version that is published in a role, and the one in the other."""
        other = CHALLENGER if role == CURRENT else CURRENT
        mine, beside = self.client.mget(_pointer(model_name, role), _pointer(model_name, other))
        return mine and mine.decode(), beside and beside.decode()

    def current_version(self, model_name: str) -> str | None:
        """Return the version of the published model; None where none is published."""
        version = self._asking(f"read the current version of model {model_name}", lambda: self.client.get(_pointer(model_name)))
        return version.decode() if version else None

    def model(self, name: str, version: str) -> Packed:
        """Return a published model; raises ModelError when the store does not hold it whole."""
        found = self._asking(f"read model {name} version {version}", lambda: self.client.hgetall(_model_key(name, version)))
        try:
            return Packed(**json.loads(found[b"facts"]), content=found[b"content"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The online store at {self.place} does not hold model {name} version {version} whole: "
                "the scorer's driver publishes the champion again when it starts."
            ) from error

    def _put(self, what: str, keys: list[str], records: Callable[[slice], Records]) -> None:
        """Write the `records` of each chunk of keys, made only then: they are copied within the
        cache.
        """

        # Not as one pipeline: of 16,000 cards at once it was not through the socket in time.
        def ask() -> None:
            for some in _slices(len(keys)):
                self.writer.mset(_with_bytes(keys[some], records(some)))

        self._asking(what, ask)

    def _asking(self, what: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except valkey.ValkeyError as error:
            said = str(error).rpartition(OF_A_PIPELINE)[2]
            raise ServiceUnreachable(
                f"Could not {what}: the online store at {self.place} says {said!r}; look at `make status`."
            ) from None  # the library quotes the whole command: card ids, and megabytes


def _client(told: Valkey, timeout_s: float) -> valkey.Valkey:
    return valkey.Valkey(
        told.host,
        told.port,
        password=told.password.get_secret_value(),
        socket_connect_timeout=told.timeout_s,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1),
        retry_on_timeout=True,
    )


def _pointer(model_name: str, role: str = CURRENT) -> str:
    return f"model:{model_name}:{role}"


def _model_key(name: str, version: str) -> str:
    return f"model:{name}:{version}"


def _keys(cards: Sequence[str]) -> list[str]:
    return [f"card:{FEATURE_SET}:{card}" for card in cards]


def _device_keys(devices: Sequence[str]) -> list[str]:
    return [f"device:{FEATURE_SET}:{device}" for device in devices]


def _seller_keys(sellers: Sequence[str]) -> list[str]:
    return [f"seller:{FEATURE_SET}:{seller}" for seller in sellers]


def _slices(count: int) -> list[slice]:
    """Return where the chunks of so many items lie."""
    return [slice(first, first + CARDS_PER_COMMAND) for first in range(0, count, CARDS_PER_COMMAND)]


def _chunks(items: list[Any]) -> list[list[Any]]:
    return [items[some] for some in _slices(len(items))]


def _number(query_id: str) -> Records:
    return np.frombuffer(uuid.UUID(query_id).bytes, "u8")


def _header(batch: Batch) -> bytes:
    """Return the bytes with which the batch's records begin."""
    return _number(batch.query_id).tobytes() + np.int64(batch.number).tobytes()


def _joined(mine: Records, theirs: Records) -> Records:
    """Return records with what both have seen; the states before a batch are the same for all of
    its tasks.
    """
    after = mine["after"].copy()
    device_fold.join(after, theirs["after"].copy())
    joined = mine.copy()
    joined["after"] = after
    return joined


def _records(kind: np.dtype[np.void], before: Records, after: Records, batch: Batch) -> Records:
    """Return records of a kind with the states before and after a batch."""
    records = np.zeros(len(before), kind)
    records["query"], records["batch"] = _number(batch.query_id), batch.number
    records["before"], records["after"] = before, after
    return records


def _with_bytes(keys: Sequence[str], records: Records) -> dict[str, bytes]:
    """Return each key with the bytes of its record."""
    size, whole = records.itemsize, records.tobytes()
    return {key: whole[i * size : (i + 1) * size] for i, key in enumerate(keys)}


def _decoded(found: Sequence[bytes | None], kind: np.dtype[np.void]) -> Records:
    """Return the records found; who has none, or one of another size, has never been seen: all
    states begin as zeros.
    """
    absent = bytes(kind.itemsize)
    whole = [record if record and len(record) == kind.itemsize else absent for record in found]
    return np.frombuffer(b"".join(whole), kind)


def _parted(found: Sequence[bytes | None], cards: Sequence[str], devices: Sequence[str]) -> tuple[Records, Records, Records]:
    """Return what was found of cards, of devices, and of the sellers that come behind them."""
    first, last = len(cards), len(cards) + len(devices)
    kinds = ((found[:first], RECORD), (found[first:last], DEVICE_RECORD), (found[last:], SELLER_RECORD))
    paid, seen, known = (_decoded(some, kind) for some, kind in kinds)
    return paid, seen, known


def _start(records: Records, batch: Batch) -> Records:
    """Return the states from which a batch starts; raises CheckpointError where a later one was
    applied already.
    """
    mine = (records["query"] == _number(batch.query_id)).all(axis=1)
    if (mine & (records["batch"] > batch.number)).any():
        raise CheckpointError(
            f"The online store has already folded a later batch than {batch.number} of query {batch.query_id}: its checkpoint "
            "was set back further than one batch; empty the online store and score from the beginning."
        )
    again = mine & (records["batch"] == batch.number)
    return np.where(again, records["before"], records["after"])
