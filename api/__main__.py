"""`python -m api` serves the API where the settings say, until it is stopped."""

import gc
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from api.app import application
from api.connections import bounded
from pipelines.base import logs, shutdown
from pipelines.base.errors import ServiceUnreachable, TidemarkError
from pipelines.base.settings import Api, settings
from pipelines.online_store.suitability import require_suitable

log = logs.get(__name__)
SWITCH_S = 0.001


def listening(address: Api) -> socket.socket:
    """Return the socket of the API; raises ServiceUnreachable when the address is taken."""
    try:
        return socket.create_server((address.host, address.port), backlog=1024)
    except OSError as error:
        raise ServiceUnreachable(
            f"The API cannot listen on {address.host}:{address.port} ({error}): stop what does, or set TIDEMARK_API__PORT."
        ) from error


def server(app: FastAPI, limits: Api) -> uvicorn.Server:
    """Return the server: measured in docs/decisions, it logs no requests and sends nothing
    about itself.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=bounded(limits.max_connections, limits.request_within_s),
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            # Longer than the minute for which clients and balancers keep a connection.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        )
    )


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; return 1, with one sentence, where that cannot begin."""
    logs.configure()
    try:
        # Uvicorn raises these again once it has answered what was under way.
        with shutdown.interruptible(signal.SIGTERM, signal.SIGINT):
            _serve()
    except KeyboardInterrupt:
        return 0
    except TidemarkError as error:
        log.error("api_cannot_start", error=str(error))
        return 1
    return 0


def _serve() -> None:
    address = settings().api
    require_suitable(settings().valkey)
    app, at = application(settings()), listening(address)
    log.info("api_served", url=f"http://{address.host}:{address.port}")
    # A thread with an answer waits so long for one that is at work, where it would be five times as
    # long (docs/decisions/37).
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # what is imported lives as long as the process: no collection need look through it
    with at:
        server(app, address).run(sockets=[at])


if __name__ == "__main__":
    sys.exit(main())
