"""One typed, frozen object with every setting, read once from conf/*.toml, `.env` and the
environment.
"""

import os
import tomllib
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from pipelines.base.costs import Costs
from pipelines.base.errors import SettingsError
from pipelines.base.paths import ROOT, located
from pipelines.base.placeholders import NoId, Placeholders, no_id
from pipelines.base.secret import no_blank, no_placeholder

PREFIX = "TIDEMARK_"
# Names with the prefix that steer this module, the tests or the stack rather than being settings.
STEERING = {"TIDEMARK_PROFILE", "TIDEMARK_CONF", "TIDEMARK_DATA", "TIDEMARK_KILL_POINT", "TIDEMARK_LOG"}
# What pydantic says of these helps a programmer, not who writes settings.
IN_WORDS = {"missing": "is missing", "extra_forbidden": "is not a setting", "model_type": "is a section, not a value"}

Secrets = Annotated[SecretStr, AfterValidator(no_placeholder)]  # with commas between
Secret = Annotated[Secrets, AfterValidator(no_blank)]
NONE_YET = SecretStr("")  # of a secret that only some programs need


class Section(BaseModel):
    """A group of settings that refuses unknown keys and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(Section):
    bootstrap_servers: str
    partitions: int = Field(ge=1)
    partitions_of: dict[str, int] = Field(default_factory=dict)
    replication_factor: int = Field(ge=1)
    retention_hours: int = Field(ge=1)

    def partitions_for(self, topic: str) -> int:
        """Return how many partitions a topic gets."""
        return self.partitions_of.get(topic, self.partitions)


class SchemaRegistry(Section):
    url: str


class Postgres(Section):
    """Where PostgreSQL listens, and the role of the lake's catalogue, which Spark and pyiceberg
    use.

    The other passwords are of roles that only services use; `setup_password` is the superuser's in
    containers, the local one has none.
    """

    host: str
    port: int
    user: str
    password: Secret
    trino_password: Secret = NONE_YET
    mlflow_password: Secret = NONE_YET
    registry_password: Secret = NONE_YET
    setup_password: Secret = NONE_YET


class Catalog(Section):
    name: str
    database: str
    warehouse: str


class Checkpoints(Section):
    path: str


class Valkey(Section):
    """Where the online store listens, and how long each of two tries to read from it may take."""

    host: str
    port: int
    password: Secret
    timeout_s: float = Field(gt=0)
    memory_mb: int = Field(1024, gt=0)  # of the local one


class Mlflow(Section):
    url: str
    user: str = "admin"
    password: Secret


class Trino(Section):
    """Where Trino answers readers (HTTP, any name but the admin's) and its admin (HTTPS, who signs
    tokens with the password).
    """

    host: str
    port: int
    https_port: int
    user: str
    admin: str = "admin"
    password: Secret = NONE_YET


class Dash(Section):
    host: str
    port: int


class Api(Section):
    """Where the scoring API listens, who may ask it (keys, separated by commas), how much, and how
    long the store may take.
    """

    host: str
    port: int
    keys: Secrets = NONE_YET
    max_connections: int = Field(ge=1)
    request_within_s: float = Field(gt=0)
    requests_per_s: float = Field(gt=0)
    max_body_bytes: int = Field(ge=1)
    store_within_ms: float = Field(gt=0)


class Spark(Section):
    master: str | None = None
    driver_memory: str = "2g"
    ui_port: int = 4040
    status_host: str = "127.0.0.1"  # where a driver tells how its queries are
    status_port: int = 4050
    conf: dict[str, str] = Field(default_factory=dict)

    @property
    def queries_url(self) -> str:
        """Where a driver tells how its queries are."""
        return f"http://{self.status_host}:{self.status_port}/queries"


class Ids(Section):
    """What counts as no id, of whatever kind, and what as no card."""

    placeholders: tuple[str, ...]
    no_card: tuple[str, ...]

    @cached_property
    def none(self) -> NoId:
        """What says whether a text is no id of a payment's card, device, seller or customer."""
        return no_id((*self.placeholders, *self.no_card))

    @property
    def words(self) -> Placeholders:
        """The words, as contracts carry them."""
        return Placeholders(self.placeholders, self.no_card)


class Fraud(Section):
    """The fraud model: its name, what is learned from, how often a new champion is looked for, and
    what decisions cost.
    """

    model_name: str
    label_delay_days: int = Field(ge=0)
    learn_from_days: int = Field(ge=1)
    learn_from_payments: int = Field(ge=1)
    champion_poll_s: float = Field(gt=0)
    awaited_s: float = Field(gt=0)
    costs: Costs


class Stream(Section):
    """How a query runs: trigger interval, records per batch, dedup horizon, lateness allowed,
    batches per compaction, rank.
    """

    trigger: str
    rows_per_batch: int = Field(ge=1)
    horizon: str | None = None
    lateness: str | None = None
    compact_every: int = Field(default=50, ge=1)
    first: bool = False


class Upkeep(Section):
    """How often the upkeep looks which tables have gathered small files, and how long what nobody
    needs stays: snapshots, and files that no snapshot names.
    """

    look_every_s: float = Field(gt=0)
    in_flight_s: float = Field(gt=0)
    snapshots_kept_s: float = Field(gt=0)
    orphans_kept_h: float = Field(ge=24)  # Iceberg refuses less


class Settings(Section):
    """Every setting of one installation; secrets never print."""

    state: str
    kafka: Kafka
    schema_registry: SchemaRegistry
    postgres: Postgres
    catalog: Catalog
    checkpoints: Checkpoints
    valkey: Valkey
    mlflow: Mlflow
    trino: Trino
    dash: Dash
    api: Api
    spark: Spark
    ids: Ids
    fraud: Fraud
    upkeep: Upkeep
    streams: dict[str, Stream]

    def stream(self, query: str) -> Stream:
        """Return how a query runs; raises SettingsError where conf/ does not say."""
        if query not in self.streams:
            raise SettingsError(f'No settings for the query {query}: add [streams."{query}"] to conf/base.toml.')
        return self.streams[query]

    @property
    def warehouse(self) -> str:
        """The warehouse in the one form that Spark, Trino and pyiceberg all read: file:///ABS, or
        another URI as it is.
        """
        path = located(self.catalog.warehouse)
        return path if "://" in path else f"file://{path}"


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


def _with_layers(streams: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of each query over those of its layer: [streams.silver] holds for every
    silver table that does not say otherwise.
    """
    layers = {name.partition(".")[0] for name in streams if "." in name}
    return {
        name: _laid_over(streams.get(name.partition(".")[0], {}), each) if isinstance(each, dict) else each
        for name, each in streams.items()
        # A layer without queries stays, and is refused as a query without a trigger.
        if name not in layers
    }


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(
            f"No settings file {path}: TIDEMARK_PROFILE must name one of conf/*.toml, such as local or cluster."
        )
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML ({error}): mend that line.") from error


def _from_environment(environment: dict[str, str]) -> dict[str, Any]:
    """Turn TIDEMARK_KAFKA__PARTITIONS=4 into {"kafka": {"partitions": "4"}}."""
    tree: dict[str, Any] = {}
    # A section's own name sorts before its settings and so comes last here, where it is refused,
    # not overwritten.
    for name in sorted(environment, reverse=True):
        if name.startswith(PREFIX) and name not in STEERING:
            *sections, key = name.removeprefix(PREFIX).lower().split("__")
            value: Any = {key: environment[name]}
            for section in reversed(sections):
                value = {section: value}
            tree = _laid_over(tree, value)
    return tree


def read(environment: dict[str, str], conf: Path = ROOT / "conf") -> Settings:
    """Read base.toml, the profile and the environment, later over earlier.

    Raises SettingsError naming every wrong key and every place that was looked at.
    """
    profile = conf / f"{environment.get('TIDEMARK_PROFILE', 'local')}.toml"
    tree = _laid_over(_laid_over(_from_file(conf / "base.toml"), _from_file(profile)), _from_environment(environment))
    if isinstance(tree.get("streams"), dict):
        tree["streams"] = _with_layers(tree["streams"])
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        faults = ((".".join(map(str, e["loc"])), IN_WORDS.get(e["type"], e["msg"].lower())) for e in error.errors())
        wrong = "; ".join(f"{key}: {what}" for key, what in faults)
        raise SettingsError(
            f"Settings are wrong: {wrong}; mend them where they stand, in {conf / 'base.toml'}, {profile}, .env or a "
            "TIDEMARK_<SECTION>__<NAME> of the environment."
        ) from error


@cache
def settings() -> Settings:
    """Return this process's settings, read on first use from conf/, `.env` and the environment."""
    file = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}
    return read({**file, **os.environ}, Path(os.environ.get("TIDEMARK_CONF", ROOT / "conf")))
