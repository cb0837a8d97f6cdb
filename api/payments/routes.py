"""The route that scores a payment."""

from fastapi import APIRouter, Request, Response, status
from starlette.exceptions import HTTPException

from api.bodies import JSON, body, parsed
from api.dependencies import dependencies_of
from api.keys import Key
from api.payments.schema import Payment, Score
from api.payments.scorer import AlreadyFolded
from api.problems import described

WHAT = "payment"
NO_MODEL = "There is no model to score with yet: GET /ready says why, try again then."
SCORED_BEFORE = "The stream has scored this event already: read its score from tidemark.fraud_scores."

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
    sent = await body(request, using.max_body_bytes, WHAT)
    using.keys.admit(key)
    payment = parsed(Payment, request, sent, WHAT)
    model = using.payments.served.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, NO_MODEL, {"Retry-After": "5"})
    try:
        scored = await using.payments.scorer.score(payment, model)
    except AlreadyFolded as error:
        raise HTTPException(status.HTTP_409_CONFLICT, SCORED_BEFORE) from error
    using.metrics.answers.labels("200").inc()
    return Response(scored.model_dump_json(), media_type=JSON)
