"""Where the local stack keeps what it has: state, logs, pids, jars."""

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from string import Template

from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import settings

JARS = ROOT / ".tidemark" / "jars"
UNPACKED = JARS / "unpacked"
# A unix socket's path may have 107 characters; supervisord appends its pid while it binds.
LONGEST_SOCKET = 90


def made(folder: Path) -> Path:
    """Return `folder`, made if it was missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def state() -> Path:
    """Return the folder below which everything that changes lives."""
    return made(Path(located(settings().state)))


def data(service: str) -> Path:
    """Return the folder with the data and rendered configuration of one service."""
    return made(state() / "data" / service)


def run() -> Path:
    """Return the folder for the supervisor's configuration, pid and measurements; only its owner
    may look inside.
    """
    folder = made(state() / "run")
    folder.chmod(0o700)
    return folder


def random_text() -> str:
    """Return a text that nobody outside this stack can tell, always the same until its state is
    removed.
    """
    file = run() / "random"
    # Path.open takes no opener.
    with contextlib.suppress(FileExistsError), open(file, "x", opener=_private) as fresh:
        fresh.write(secrets.token_urlsafe())
    return file.read_text()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def log(service: str) -> Path:
    """Return the log file of one service."""
    return made(state() / "logs") / f"{service}.log"


def socket() -> Path:
    """Return the supervisor's unix socket: in the state folder, or in a private one in /tmp where
    that is too long.
    """
    near = run() / "supervisor.sock"
    return near if len(str(near)) <= LONGEST_SOCKET else _private_temporary(str(state())) / "supervisor.sock"


def _private_temporary(of: str) -> Path:
    digest = hashlib.sha256(of.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"tidemark-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
        raise TidemarkError(f"{folder}, where the supervisor's socket belongs, is someone else's: remove it.")
    return folder


def rendered(template: str, target: Path, **values: object) -> Path:
    """Write conf/`template` with its ${names} filled in to `target`, readable by its owner only,
    and return it.
    """
    text = Template((ROOT / "conf" / template).read_text()).substitute({k: str(v) for k, v in values.items()})
    target.touch(mode=0o600)
    target.write_text(text)
    return target
