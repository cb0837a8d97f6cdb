"""The application: its paths and what they are made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response, Security, status
from fastapi.security import APIKeyHeader
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.keys import HEADER, Keys, keys
from api.metrics import Metrics
from api.payments.reader import CardReader
from api.payments.schema import Payment, Score, in_words
from api.payments.scorer import AlreadyFolded, Scorer
from api.problems import Handlers, described
from api.published_model import PublishedModel
from pipelines.base.settings import Settings
from pipelines.fraud.features import card_fold, device_fold
from pipelines.fraud.features.seller_fold import tell_nothing
from pipelines.online_store.client import OnlineStore

JSON = "application/json"
NO_MODEL = "There is no model to score with yet: GET /ready says why, try again then."
SCORED_BEFORE = "The stream has scored this event already: read its score from tidemark.fraud_scores."


@dataclass(frozen=True)
class Parts:
    """What the paths work with."""

    keys: Keys
    published: PublishedModel
    reader: CardReader
    scorer: Scorer
    metrics: Metrics
    max_body_bytes: int


def parts(told: Settings) -> Parts:
    """Return the parts as the settings want them; raises SettingsError for keys that are none."""
    store, metrics, name = OnlineStore(told.valkey), Metrics(), told.fraud.model_name
    reader = CardReader(
        lambda cards, devices, sellers: store.peek(cards, name, sellers, devices), told.api.store_within_ms / 1000
    )
    scorer = Scorer(reader, metrics)
    return Parts(keys(told.api), PublishedModel(store, name), reader, scorer, metrics, told.api.max_body_bytes)


def _parts(request: Request) -> Parts:
    made: Parts = request.app.state.parts
    return made


Key = Annotated[str | None, Security(APIKeyHeader(name=HEADER, auto_error=False))]
PAYMENT_BODY = {"required": True, "content": {JSON: {"schema": Payment.model_json_schema()}}}

router = APIRouter()


@router.post(
    "/v1/payments/score",
    response_model=Score,
    responses=described(401, 409, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": PAYMENT_BODY},
    tags=["payments"],
)
async def score(request: Request, key: Key) -> Response:
    """Score one payment before it is taken. Changes nothing: the card learns of it when its event
    comes through Kafka.
    """
    using = _parts(request)
    # Read whatever comes of it: the connection can be used again.
    body = await _body(request, using.max_body_bytes)
    using.keys.admit(key)
    payment = _payment(request, body)
    model = using.published.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, NO_MODEL, {"Retry-After": "5"})
    try:
        scored = await using.scorer.score(payment, model)
    except AlreadyFolded as error:
        raise HTTPException(status.HTTP_409_CONFLICT, SCORED_BEFORE) from error
    using.metrics.answers.labels("200").inc()
    return Response(scored.model_dump_json(), media_type=JSON)


async def _body(request: Request, most: int) -> bytes:
    # By hand, because what Starlette has for it answers in plain text.
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            said = f"The body is larger than {most} bytes, which no payment is: send one payment."
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, said)
    return bytes(body)


def _payment(request: Request, body: bytes) -> Payment:
    # Parsed by pydantic from the bytes: a time may then be a text, as JSON has it, and everything
    # else stays strict.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, f"The body should be a payment in JSON: send it as {JSON}.")
    try:
        return Payment.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, in_words(error)) from error


@router.get("/health", tags=["operation"])
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "alive"}


@router.get("/ready", responses=described(503), tags=["operation"])
async def ready(request: Request) -> dict[str, str]:
    """Say which model payments are scored with."""
    published = _parts(request).published
    model = published.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, published.missing)
    return {"status": "ready", "model_name": model.name, "model_version": model.version}


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}}, tags=["operation"])
async def metrics(request: Request) -> Response:
    """Return counters and times in Prometheus' text format."""
    using = _parts(request)
    return Response(using.metrics.text(using.published.model), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    using: Parts = app.state.parts
    card_fold.fold_nothing()
    device_fold.fold_nothing()
    tell_nothing()
    using.published.start()
    yield
    using.published.stop()
    using.reader.close()


def application(told: Settings) -> FastAPI:
    """Return the API with these settings; raises SettingsError where they will not do."""
    using = parts(told)
    handlers = Handlers(using.metrics)
    app = FastAPI(
        title="Tidemark",
        description="Scores a payment at the checkout.",
        version="1",
        lifespan=_running,
        exception_handlers={HTTPException: handlers.refuse, ClientDisconnect: handlers.hung_up, Exception: handlers.fail},
        redoc_url=None,
    )
    app.state.parts = using
    app.include_router(router)
    return app
