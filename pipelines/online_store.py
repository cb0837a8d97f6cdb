"""The online store (Valkey): card states, written so that a batch can be run again, seller states, and the current model.

A card's record holds the state before and after the last batch applied to it, with that batch's query and number. A batch
that is run again, after a crash or by a retried task, finds its own number and starts from the state before; every other
batch starts from the state after. So dying anywhere gives the states and scores of never having died. A seller's record holds
what was known at two moments, so that a payment made before the later one is still told what was known then.
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

from pipelines.errors import CheckpointError, ModelError, ServiceUnreachable
from pipelines.features.card_records import FEATURE_SET, STATE, Records, blank
from pipelines.features.seller_records import SELLER_RECORD
from pipelines.models.packed import Packed
from pipelines.settings import Valkey

RECORD = np.dtype([("query", "u8", (2,)), ("batch", "i8"), ("before", STATE), ("after", STATE)], align=True)
WRITING_TIMEOUT_S = 2.0  # or more: a payment may be scored without its card's state, but a state that is not written is lost
CARDS_PER_COMMAND = 500
SELLERS_KNOWN, SELLERS_DELAY = f"sellers:{FEATURE_SET}:known_us", f"sellers:{FEATURE_SET}:delay_us"
CURRENT, CHALLENGER = "current", "challenger"  # the roles in which a model is published
OF_A_PIPELINE = " of pipeline caused error: "  # after the command, before what the server said
OLD_MODEL_S = 86_400  # a replaced model stays this long for workers that are about to load it


@dataclass(frozen=True)
class Batch:
    """One micro-batch: the streaming query's id (a UUID) and the batch's number."""

    query_id: str
    number: int


@dataclass(frozen=True)
class Reading:
    """What scoring starts from: the state of each card asked for, what is known of each seller asked for (SELLER_RECORD), and
    the published versions of champion and challenger."""

    states: Records
    sellers: Records
    model_version: str | None
    challenger_version: str | None = None


class OnlineStore:
    """A client that gives up soon, but later when it writes; every method raises ServiceUnreachable then."""

    def __init__(self, told: Valkey) -> None:
        self.place = f"{told.host}:{told.port}"
        # Any, because the library's types are those of its blocking and its asynchronous client at once.
        self.client: Any = _client(told, told.timeout_s)
        self.writer: Any = _client(told, max(told.timeout_s, WRITING_TIMEOUT_S))

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.writer.close()

    def read(self, cards: Sequence[str], batch: Batch, model_name: str, sellers: Sequence[str] = ()) -> Reading:
        """Return the states from which `batch` starts, in the order of `cards`, what is known of `sellers`, and the models to
        use: in one round trip, where they are few.

        Raises CheckpointError when a card has already folded a later batch of the same query.
        """

        def ask() -> Any:
            few, *more = _chunks([*_keys(cards), *_seller_keys(sellers)]) or [[]]
            pipe = self.client.pipeline(transaction=False).mget(_pointer(model_name), _pointer(model_name, CHALLENGER))
            return [*(pipe.mget(few) if few else pipe).execute(), *(self.client.mget(some) for some in more)]

        versions, *chunks = self._asking("read card states", ask)
        found = [record for some in chunks for record in some]
        states = _start(_decoded(found[: len(cards)]), batch)
        known = _decoded_sellers(found[len(cards) :])
        return Reading(states, known, *(version.decode() if version else None for version in versions))

    def peek(self, cards: Sequence[str], model_name: str, sellers: Sequence[str] = ()) -> Reading:
        """Return the states after the last batch applied to each card, what is known of `sellers`, and the model to use, in one
        command.

        For those who only look, at few cards: nothing may be written that starts from these states.
        """
        keys = [_pointer(model_name), *_keys(cards), *_seller_keys(sellers)]
        version, *found = self._asking("read card states", lambda: self.client.mget(keys))
        states = _decoded(found[: len(cards)])["after"].copy()
        return Reading(states, _decoded_sellers(found[len(cards) :]), version.decode() if version else None)

    def write(self, cards: Sequence[str], before: Records, after: Records, batch: Batch) -> None:
        """Store the states before and after `batch`, in the order of `cards`."""
        records = np.zeros(len(cards), RECORD)
        records["query"], records["batch"] = _number(batch.query_id), batch.number
        records["before"], records["after"] = before, after
        self._put("write card states", _keys(cards), records)

    def read_sellers(self, sellers: Sequence[str]) -> Records:
        """Return what is known of `sellers`, in their order (SELLER_RECORD)."""

        def ask() -> list[bytes | None]:
            return [record for some in _chunks(_seller_keys(sellers)) for record in self.client.mget(some)]

        return _decoded_sellers(self._asking("read seller states", ask))

    def write_sellers(self, sellers: Sequence[str], records: Records) -> None:
        """Store what is known of `sellers` (SELLER_RECORD), in their order."""
        self._put("write seller states", _seller_keys(sellers), records)

    def note_sellers_known(self, known_us: int, delay_us: int) -> None:
        """Note that the states of all sellers are whole up to `known_us`, with labels made with the label delay `delay_us`."""
        facts = {SELLERS_KNOWN: known_us, SELLERS_DELAY: delay_us}
        self._asking("note until when sellers are known", lambda: self.client.mset(facts))

    def sellers_known_us(self, delay_us: int) -> int:
        """Return until when payments and labels are in the states of sellers, 0 where none were published with this delay."""
        keys = (SELLERS_KNOWN, SELLERS_DELAY)
        known_us, folded_with = self._asking("read until when sellers are known", lambda: self.client.mget(keys))
        return int(known_us) if folded_with is not None and int(folded_with) == delay_us else 0

    def forget_cards(self) -> None:
        """Remove the states of all cards, so that their payments can be folded again from the first."""

        def ask() -> None:
            for some in _chunks(list(self.client.scan_iter("card:*", count=CARDS_PER_COMMAND))):
                self.client.unlink(*some)

        self._asking("forget card states", ask)

    def publish(self, packed: Packed, role: str = CURRENT) -> None:
        """Make `packed` the current model of its name, or its challenger, at once for every worker."""
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

    def _put(self, what: str, keys: Sequence[str], records: Records) -> None:
        size, whole = records.itemsize, records.tobytes()
        pairs = [(key, whole[i * size : (i + 1) * size]) for i, key in enumerate(keys)]

        def ask() -> None:  # not as one pipeline: of 16,000 cards at once it was not through the socket in time
            for some in _chunks(pairs):
                self.writer.mset(dict(some))

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


def _seller_keys(sellers: Sequence[str]) -> list[str]:
    return [f"seller:{FEATURE_SET}:{seller}" for seller in sellers]


def _chunks(items: list[Any]) -> list[list[Any]]:
    return [items[i : i + CARDS_PER_COMMAND] for i in range(0, len(items), CARDS_PER_COMMAND)]


def _number(query_id: str) -> Records:
    return np.frombuffer(uuid.UUID(query_id).bytes, "u8")


def _decoded(found: list[bytes | None]) -> Records:
    """Return the records found; a card without one, or with one of another size, has never been seen."""
    unknown = np.zeros(1, RECORD)
    unknown["before"] = unknown["after"] = blank(1)
    absent = unknown.tobytes()
    whole = [record if record and len(record) == RECORD.itemsize else absent for record in found]
    return np.frombuffer(b"".join(whole), RECORD)


def _decoded_sellers(found: list[bytes | None]) -> Records:
    """Return what is known of the sellers found; of one without a record, or with one of another size, nothing is."""
    absent = np.zeros(1, SELLER_RECORD).tobytes()
    whole = [record if record and len(record) == SELLER_RECORD.itemsize else absent for record in found]
    return np.frombuffer(b"".join(whole), SELLER_RECORD)


def _start(records: Records, batch: Batch) -> Records:
    mine = (records["query"] == _number(batch.query_id)).all(axis=1)
    if (mine & (records["batch"] > batch.number)).any():
        raise CheckpointError(
            f"The online store has already folded a later batch than {batch.number} of query {batch.query_id}: its checkpoint "
            "was set back further than one batch; empty the online store and score from the beginning."
        )
    again = mine & (records["batch"] == batch.number)
    return np.where(again, records["before"], records["after"])
