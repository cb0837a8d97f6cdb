"""The routes that recommend products."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from starlette.exceptions import HTTPException

from api.bodies import JSON, body, parsed
from api.dependencies import Dependencies, dependencies_of
from api.fields import MOST_CHARACTERS
from api.keys import Key
from api.problems import described
from api.recommendations.schema import MOST_PRODUCTS, Recommendations, Session
from pipelines.recommendations.model.recommender import Model

WHAT = "session"
NO_MODEL = "There is no model to recommend with yet: GET /ready says why, try again then."
SESSION_BODY = {"required": True, "content": {JSON: {"schema": Session.model_json_schema()}}}

router = APIRouter(tags=["recommendations"])


# A coroutine, because FastAPI runs functions in threads, which takes longer than the answer.
async def admitted(request: Request, key: Key) -> Dependencies:
    """Return what a route works with; raises HTTPException 401 or 429 as Keys.admit does, before
    what was sent is looked at.
    """
    using = dependencies_of(request)
    using.keys.admit(key)
    return using


Admitted = Annotated[Dependencies, Depends(admitted)]
Name = Annotated[str, Path(min_length=1, max_length=MOST_CHARACTERS)]
Visitor = Annotated[
    str | None, Query(max_length=MOST_CHARACTERS, description="Who sees the list, where experiments are to count.")
]
Number = Annotated[int, Query(ge=1, le=MOST_PRODUCTS, description="How many products at most.")]


@router.get(
    "/v1/sessions/{session_id:path}/recommendations",
    response_model=Recommendations,
    responses=described(401, 422, 429, 503),
)
async def for_session(using: Admitted, session_id: Name, n: Number = 10, visitor_id: Visitor = None) -> Response:
    """Recommend products for a session of which the clicks come through Kafka. A session without a
    click that is known gets what is trending.
    """
    recommender = using.recommendations.recommender
    return _answer(using, await recommender.for_session(session_id, visitor_id, n, _model(using)))


@router.get("/v1/products/{product_id:path}/similar", response_model=Recommendations, responses=described(401, 422, 429, 503))
async def similar(using: Admitted, product_id: Name, n: Number = 10) -> Response:
    """Recommend products that go with one. A product that the model does not know gets what is
    trending.
    """
    return _answer(using, await using.recommendations.recommender.similar(product_id, n, _model(using)))


@router.post(
    "/v1/recommendations",
    response_model=Recommendations,
    responses=described(401, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": SESSION_BODY},
)
async def for_items(request: Request, key: Key) -> Response:
    """Recommend products for a session that the shop keeps itself: what it sends is all that is
    looked at.
    """
    using = dependencies_of(request)
    # Read whatever comes of it: the connection can be used again.
    sent = await body(request, using.max_body_bytes, WHAT)
    using.keys.admit(key)
    session = parsed(Session, request, sent, WHAT)
    return _answer(using, await using.recommendations.recommender.for_items(session, _model(using)))


def _model(using: Dependencies) -> Model:
    """Return the model in use; raises HTTPException 503 where there is none yet."""
    model = using.recommendations.served.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, NO_MODEL, {"Retry-After": "5"})
    return model


def _answer(using: Dependencies, recommended: Recommendations) -> Response:
    using.metrics.answers.labels("200").inc()
    return Response(recommended.model_dump_json(), media_type=JSON)
