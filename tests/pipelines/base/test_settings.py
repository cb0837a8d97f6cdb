"""Settings: files under the environment, unknown keys and wrong types refused by name, secrets
never shown.
"""

from itertools import combinations
from math import gcd
from pathlib import Path

import pytest

from pipelines.base.errors import SettingsError
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import read

SECRETS = {f"TIDEMARK_{name}__PASSWORD": "hush" for name in ("POSTGRES", "VALKEY", "MLFLOW")}


def test_the_environment_lies_over_the_profile_and_the_profile_over_the_base() -> None:
    chosen = read({**SECRETS, "TIDEMARK_KAFKA__PARTITIONS": "7", "TIDEMARK_PROFILE": "cluster"})
    assert (chosen.kafka.partitions, chosen.kafka.replication_factor, chosen.catalog.name) == (7, 3, "lake")


@pytest.mark.parametrize(("profile", "horizon"), [("local", "10 minutes"), ("cluster", "1 hour")])
def test_every_profile_is_complete(profile: str, horizon: str) -> None:
    assert read({**SECRETS, "TIDEMARK_PROFILE": profile}).streams["silver.orders"].horizon == horizon


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "postgres.password: is missing"),
        ({**SECRETS, "TIDEMARK_KAFKA__PARTITIONS": "many"}, "kafka.partitions: input should be a valid integer"),
        ({**SECRETS, "TIDEMARK_KAFKA__PARTITION": "2"}, "kafka.partition: is not a setting"),
        ({**SECRETS, "TIDEMARK_KAFKA__PARTITIONS": "2", "TIDEMARK_KAFKA": "x"}, "kafka: is a section, not a value"),
        (
            {**SECRETS, "TIDEMARK_FRAUD__COSTS__CAUGHT_BY_REVIEW": "20"},
            "fraud.costs.caught_by_review: input should be less than",
        ),
    ],
)
def test_what_is_wrong_is_named_with_where_we_looked(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(environment)
    assert named in str(error.value)
    assert "base.toml" in str(error.value)


def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(SettingsError, match=r"moon\.toml.*TIDEMARK_PROFILE"):
        read({**SECRETS, "TIDEMARK_PROFILE": "moon"})


def test_broken_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("[kafka\n")
    with pytest.raises(SettingsError, match=r"base\.toml is not valid TOML"):
        read(SECRETS, tmp_path)


def test_secrets_do_not_print() -> None:
    assert "hush" not in repr(read(SECRETS))


@pytest.mark.parametrize("name", [*SECRETS, "TIDEMARK_POSTGRES__TRINO_PASSWORD", "TIDEMARK_TRINO__PASSWORD"])
@pytest.mark.parametrize(("secret", "why"), [("", "is empty"), (" ", "is empty"), ("CHANGE_ME", "is still the placeholder")])
def test_what_is_no_secret_is_refused_by_name_and_not_shown(name: str, secret: str, why: str) -> None:
    setting = name.removeprefix("TIDEMARK_").lower().replace("__", ".")
    with pytest.raises(SettingsError, match=f"Settings are wrong: {setting}: {why}") as refused:
        read({**SECRETS, name: secret})
    assert "CHANGE_ME" not in str(refused.value)


def test_one_placeholder_among_keys_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"api\.keys: is still the placeholder"):
        read({**SECRETS, "TIDEMARK_API__KEYS": "a-key-of-somebody, change-me-at-first"})


def test_paths_are_below_the_repository_and_uris_stay() -> None:
    assert located(".tidemark/warehouse") == str(ROOT / ".tidemark" / "warehouse")
    assert located("s3a://shop/warehouse") == "s3a://shop/warehouse"


@pytest.mark.parametrize(("given", "wanted"), [("/data/w", "file:///data/w"), ("s3a://bucket/w", "s3a://bucket/w")])
def test_the_warehouse_has_the_form_every_engine_reads(given: str, wanted: str) -> None:
    assert read({**SECRETS, "TIDEMARK_CATALOG__WAREHOUSE": given}).warehouse == wanted


def test_no_two_triggers_of_seconds_have_a_common_divisor() -> None:
    streams = read({**SECRETS, "TIDEMARK_PROFILE": "cluster"}).streams
    spaced = {name: int(stream.trigger.split()[0]) for name, stream in streams.items() if stream.trigger.endswith(" seconds")}
    assert len(spaced) > 10
    assert [pair for pair in combinations(spaced, 2) if gcd(*map(spaced.__getitem__, pair)) > 1] == []
