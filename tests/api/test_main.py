"""The API as a process: it listens where it was told, stops when asked, and says in one sentence
why it cannot start.
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from api_payments import KEY, PATH, a_body
from api_process import an_api, environment
from valkey_server import PASSWORD, ValkeyServer

from api.keys import HEADER
from pipelines.base.paths import ROOT
from pipelines.fraud.store import FraudStore

pytestmark = pytest.mark.programs


def ended(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run the API to its end."""
    own = {**os.environ, **changes}
    command = [sys.executable, "-m", "api"]
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.usefixtures("store")
def test_it_scores_on_loopback_without_mlflow_and_ends_with_0_when_asked(server: ValkeyServer, tmp_path: Path) -> None:
    with an_api(tmp_path / "log", environment(server)) as (process, url):
        scored = httpx.post(f"{url}{PATH}", json=a_body(), headers={HEADER: KEY}, timeout=60)
        assert (scored.status_code, "server" in scored.headers) == (200, False)
        listening = [c.laddr.ip for c in psutil.Process(process.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(900) == 0
    log = (tmp_path / "log").read_text()
    assert "api_served" in log
    assert [secret for secret in (KEY, PASSWORD, "card0") if secret in log] == []


def test_without_keys_it_does_not_start(server: ValkeyServer) -> None:
    refused = ended(**environment(server, TIDEMARK_API__KEYS=""))
    assert refused.returncode == 1
    assert "TIDEMARK_API__KEYS must hold one key per shop" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_on_a_port_that_is_taken_it_does_not_start(server: ValkeyServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = ended(**environment(server, TIDEMARK_API__PORT=port))
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


def test_spark_is_not_in_it(store: FraudStore) -> None:
    program = "import sys, api.__main__; sys.exit('pyspark' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_over_a_store_that_drops_keys_it_does_not_start(server: ValkeyServer) -> None:
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    refused = ended(**environment(server))
    assert refused.returncode == 1
    assert "has the maxmemory-policy allkeys-lru" in refused.stderr
    assert "Traceback" not in refused.stderr
