"""What doctor asks once packages are installed: secrets, ports, and whether running services answer."""

from collections.abc import Iterator

from pipelines.errors import TidemarkError
from stack import dotenv_file, ports, status
from stack.doctor import Finding, free_ports
from stack.service import Service
from stack.services import services


def findings() -> Iterator[Finding]:
    """Yield findings about .env and about each service: its ports free, or taken by itself and answering."""
    if missing := dotenv_file.missing():
        yield Finding("secrets", True, f".env lacks {', '.join(missing)} (make up adds them)")
        yield free_ports()
        return
    yield Finding("secrets", True, "complete")
    try:
        for service, row in zip(services(), status.rows(services()), strict=True):
            yield _service(service, row)
    except TidemarkError as error:
        yield Finding("settings", False, "wrong", str(error))


def _service(service: Service, row: status.Row) -> Finding:
    if row.state != "stopped":
        return Finding(service.name, row.state == "running", row.state, f"see {row.log}")
    taken = {setting: port for setting, port in service.ports.items() if not ports.free(port)}
    for setting, port in taken.items():
        found = f"port {port} is in use by {ports.holder(port)}"
        return Finding(service.name, False, found, f"stop that, or set {setting} to another port")
    return Finding(service.name, True, f"stopped; port {service.port} is free")
