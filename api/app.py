"""The application: its routes, and those by which operators look after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from fastapi import APIRouter, FastAPI, Request, Response, status
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.dependencies import Dependencies, dependencies, dependencies_of
from api.payments import routes as payments
from api.problems import Handlers, described
from api.recommendations import routes as recommendations
from pipelines.base.settings import Settings
from pipelines.models.serving import AnyModel, ServedModel

operation = APIRouter(tags=["operation"])


@operation.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "alive"}


class Recommending(BaseModel):
    """Whether products can be recommended, and by which model; the API is ready without."""

    status: Literal["ready", "missing"]
    model_name: str
    model_version: str | None
    why: str | None = Field(description="What is missing, or wrong with the newest model; null where nothing is.")


class Ready(BaseModel):
    """Payments can be scored, by which model, and how it is with recommendations."""

    status: Literal["ready"]
    model_name: str
    model_version: str
    recommendations: Recommending


@operation.get("/ready", responses=described(503))
async def ready(request: Request) -> Ready:
    """Say which model payments are scored with, and which one products are recommended by."""
    using = dependencies_of(request)
    served = using.payments.served
    if served.model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, served.missing)
    model = served.model
    recommending = _recommending(using.recommendations.served)
    return Ready(status="ready", model_name=model.name, model_version=model.version, recommendations=recommending)


def _recommending(served: ServedModel[AnyModel]) -> Recommending:
    version = served.model.version if served.model else None
    return Recommending(
        status="ready" if version else "missing", model_name=served.name, model_version=version, why=served.missing or None
    )


@operation.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
async def metrics(request: Request) -> Response:
    """Return counters and times in Prometheus' text format."""
    using = dependencies_of(request)
    models = (using.payments.served.model, using.recommendations.served.model)
    return Response(using.metrics.text(models), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    using: Dependencies = app.state.dependencies
    using.start()
    yield
    using.close()


def application(settings: Settings) -> FastAPI:
    """Return the API with these settings; raises SettingsError where they will not do."""
    using = dependencies(settings)
    handlers = Handlers(using.metrics)
    app = FastAPI(
        title="Tidemark",
        description="Scores a payment at the checkout, and recommends products to a session.",
        version="1",
        lifespan=_running,
        exception_handlers={
            HTTPException: handlers.refuse,
            ClientDisconnect: handlers.hung_up,
            Exception: handlers.fail,
        },
        redoc_url=None,
    )
    app.state.dependencies = using
    app.include_router(payments.router)
    app.include_router(recommendations.router)
    app.include_router(operation)
    return app
