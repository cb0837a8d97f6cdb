"""Kafka, from Maven's jars: one broker that is its own controller (KRaft)."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipelines.base import java
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders
from stack.service import Service

CONSOLE = ROOT / "conf" / "kafka" / "log4j2.properties"


def address() -> tuple[str, int]:
    """Return host and port of the broker: the first bootstrap server."""
    host, _, port = settings().kafka.bootstrap_servers.split(",")[0].rpartition(":")
    return host, int(port)


def _java(heap: str) -> list[str]:
    return [str(java.jdk17()), f"-Xmx{heap}", f"-Dlog4j2.configurationFile={CONSOLE}", "-cp", f"{folders.JARS}/kafka/*"]


def _configuration() -> Path:
    return folders.data("kafka") / "server.properties"


def _render() -> None:
    host, port = address()
    kafka = settings().kafka
    folders.rendered(
        "kafka/server.properties",
        _configuration(),
        host=host,
        port=port,
        controller_port=port + 1,
        folder=folders.data("kafka"),
        partitions=kafka.partitions,
        retention_hours=kafka.retention_hours,
    )


def _prepare() -> None:
    """Write the configuration, and format the disk on the first start."""
    _render()
    if (folders.data("kafka") / "records" / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(_configuration()), "--standalone"]
    done = subprocess.run([*_java("64m"), *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceUnreachable(
            f"Kafka could not format {folders.data('kafka')}: {(done.stderr or done.stdout).strip()[-500:]}"
        )


def _ready(servers: str) -> bool:
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=3).brokers)
    except KafkaException:
        return False


def service() -> Service:
    """Return how Kafka runs here: on loopback, 512 MB of heap, no topic made by accident."""
    port = address()[1]
    return Service(
        name="kafka",
        command=[*_java("512m"), "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", str(_configuration())],
        ready=partial(_ready, settings().kafka.bootstrap_servers),
        ports={"TIDEMARK_KAFKA__BOOTSTRAP_SERVERS": port, "TIDEMARK_KAFKA__BOOTSTRAP_SERVERS (+1, the controller)": port + 1},
        prepare=_prepare,
    )
