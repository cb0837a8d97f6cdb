"""The route that scores a payment."""

from typing import Annotated

from fastapi import APIRouter, Request, Response, Security, status
from fastapi.security import APIKeyHeader
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from api.dependencies import dependencies_of
from api.keys import HEADER
from api.payments.schema import Payment, Score, in_words
from api.payments.scorer import AlreadyFolded
from api.problems import described

JSON = "application/json"
NO_MODEL = "There is no model to score with yet: GET /ready says why, try again then."
SCORED_BEFORE = "The stream has scored this event already: read its score from tidemark.fraud_scores."

Key = Annotated[str | None, Security(APIKeyHeader(name=HEADER, auto_error=False))]
PAYMENT_BODY = {"required": True, "content": {JSON: {"schema": Payment.model_json_schema()}}}

router = APIRouter(tags=["payments"])


@router.post(
    "/v1/payments/score",
    response_model=Score,
    responses=described(401, 409, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": PAYMENT_BODY},
)
async def score(request: Request, key: Key) -> Response:
    """Score one payment before it is taken. Changes nothing: the card learns of it when its event
    comes through Kafka.
    """
    using = dependencies_of(request)
    # Read whatever comes of it: the connection can be used again.
    body = await _body(request, using.max_body_bytes)
    using.keys.admit(key)
    payment = _payment(request, body)
    model = using.served.model
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
            problem = f"The body is larger than {most} bytes, which no payment is: send one payment."
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, problem)
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
