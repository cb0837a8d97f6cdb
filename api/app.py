"""The application: its routes, and those by which operators look after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response, status
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.dependencies import Dependencies, dependencies, dependencies_of
from api.payments import routes as payments
from api.problems import Handlers, described
from pipelines.base.settings import Settings
from pipelines.fraud.features import fold

operation = APIRouter(tags=["operation"])


@operation.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "alive"}


@operation.get("/ready", responses=described(503))
async def ready(request: Request) -> dict[str, str]:
    """Say which model payments are scored with."""
    served = dependencies_of(request).served
    model = served.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, served.missing)
    return {"status": "ready", "model_name": model.name, "model_version": model.version}


@operation.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
async def metrics(request: Request) -> Response:
    """Return counters and times in Prometheus' text format."""
    using = dependencies_of(request)
    return Response(using.metrics.text(using.served.model), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    using: Dependencies = app.state.dependencies
    fold.warm_up()
    using.start()
    yield
    using.close()


def application(settings: Settings) -> FastAPI:
    """Return the API with these settings; raises SettingsError where they will not do."""
    using = dependencies(settings)
    handlers = Handlers(using.metrics)
    app = FastAPI(
        title="Tidemark",
        description="Scores a payment at the checkout.",
        version="1",
        lifespan=_running,
        exception_handlers={HTTPException: handlers.refuse, ClientDisconnect: handlers.hung_up, Exception: handlers.fail},
        redoc_url=None,
    )
    app.state.dependencies = using
    app.include_router(payments.router)
    app.include_router(operation)
    return app
