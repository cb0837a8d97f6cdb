"""What doctor reports once packages are installed: secrets, ports, and whether what runs
answers.
"""

from collections.abc import Iterator

from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT
from stack import dotenv_file, folders, ports, programs, status
from stack.findings import Finding, disk, free_ports
from stack.service import Service
from stack.services import services


def findings() -> Iterator[Finding]:
    """Yield findings about .env, the disk, and each service and program with a port: free, or taken
    by itself and answering.
    """
    if missing := dotenv_file.missing():
        yield Finding("secrets", True, f".env lacks {', '.join(missing)} (make up adds them)")
        yield free_ports()
        return
    yield Finding("secrets", True, "complete")
    try:
        if not folders.state().is_relative_to(ROOT):
            yield disk(where=folders.state())
        looked_at = [*services(), programs.streams(), programs.dash(), programs.api()]
        for service, row in zip(looked_at, status.rows(looked_at), strict=True):
            yield _service(service, row)
    except TidemarkError as error:
        yield Finding("settings", False, "wrong", str(error))


def _service(service: Service, row: status.Row) -> Finding:
    if row.state != "stopped":
        return Finding(service.name, row.state == "running", row.state, f"see {row.log}")
    taken = {setting: port for setting, port in service.ports.items() if not ports.free(port)}
    for setting, port in taken.items():
        found = f"port {port} is in use by {status.port_holder(port)}"
        return Finding(service.name, False, found, f"stop that, or set {setting} to another port")
    return Finding(service.name, True, f"stopped; port {service.port} is free")
