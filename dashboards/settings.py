"""Where Trino is and where the page listens, from TIDEMARK_* environment variables and `.env`."""

import os
from functools import cache
from pathlib import Path

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ENV_FILE = Path(".env")


class SettingsError(Exception):
    """A setting is of the wrong type; the text says which and what to do."""


class Settings(BaseModel):
    """Every setting of the page; the defaults are those of the local stack."""

    model_config = ConfigDict(frozen=True)

    trino_host: str = "127.0.0.1"
    trino_port: int = Field(default=18080, ge=1, le=65535)
    trino_user: str = "tidemark"
    catalog_name: str = "lake"
    spark_status_host: str = "127.0.0.1"
    spark_status_port: int = Field(default=14050, ge=1, le=65535)
    dash_host: str = "127.0.0.1"
    dash_port: int = Field(default=18050, ge=1, le=65535)
    fraud_label_delay_days: int = Field(default=7, ge=0)


def variable(field: str) -> str:
    """Return the environment variable of a field: `trino_host` is TIDEMARK_TRINO__HOST."""
    return f"TIDEMARK_{field.upper().replace('_', '__', 1)}"


def read(environment: dict[str, str]) -> Settings:
    """Read the settings; raise SettingsError naming each variable that is wrong."""
    given = {field: environment[variable(field)] for field in Settings.model_fields if variable(field) in environment}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"{variable(str(e['loc'][0]))}={e['input']}: {e['msg'].lower()}" for e in error.errors())
        raise SettingsError(f"Settings of the page are wrong: {wrong}. Set them in the environment or in .env.") from error


@cache
def settings() -> Settings:
    """Return this process's settings, read on first use; the environment lies over `.env`."""
    file = {name: value for name, value in dotenv_values(ENV_FILE).items() if value is not None}
    return read({**file, **os.environ})
