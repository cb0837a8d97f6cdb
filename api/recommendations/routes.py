"""The routes that recommend products."""

from typing import Any

from fastapi import APIRouter, Request, Response, status
from starlette.exceptions import HTTPException

from api.bodies import JSON, body, json_schema, parameters, parsed
from api.dependencies import Dependencies, dependencies_of
from api.keys import HEADER, SECURITY, Key
from api.problems import described
from api.recommendations.schema import OfProduct, OfSession, Recommendations, Session
from pipelines.recommendations.model.recommender import Model

WHAT = "session"
NO_MODEL = "There is no model to recommend with yet: GET /ready says why, try again then."
SESSION_BODY = {"required": True, "content": {JSON: {"schema": json_schema(Session)}}}

router = APIRouter(tags=["recommendations"])


def _parameters(kind: type[OfSession | OfProduct]) -> dict[str, Any]:
    """Return what the OpenAPI document says of who may ask, and of the fields of `kind` in a path
    and a query.
    """
    schema = kind.model_json_schema()
    in_path = schema["required"]
    fields = [
        {"name": name, "in": "path" if name in in_path else "query", "required": name in in_path, "schema": field}
        for name, field in schema["properties"].items()
    ]
    return {"parameters": fields, "security": SECURITY}


# The two below take their parameters from the request by themselves: for FastAPI to do it takes
# half of the time that an answer takes (docs/decisions/37).
@router.get(
    "/v1/sessions/{session_id:path}/recommendations",
    response_model=Recommendations,
    responses=described(401, 404, 422, 429, 503),
    openapi_extra=_parameters(OfSession),
)
async def for_session(request: Request) -> Response:
    """Recommend products for a session of which the clicks come through Kafka. A session without a
    click that is known gets what is trending.
    """
    using = _admitted(request)
    wish = parameters(OfSession, request)
    recommender = using.recommendations.recommender
    return _answer(using, await recommender.for_session(wish.session_id, wish.visitor_id, wish.n, _model(using)))


@router.get(
    "/v1/products/{product_id:path}/similar",
    response_model=Recommendations,
    responses=described(401, 404, 422, 429, 503),
    openapi_extra=_parameters(OfProduct),
)
async def similar(request: Request) -> Response:
    """Recommend products that go with one. A product that the model does not know gets what is
    trending.
    """
    using = _admitted(request)
    wish = parameters(OfProduct, request)
    return _answer(using, await using.recommendations.recommender.similar(wish.product_id, wish.n, _model(using)))


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


def _admitted(request: Request) -> Dependencies:
    """Return what a route works with; raises HTTPException 401 or 429 as Keys.admit does."""
    using = dependencies_of(request)
    using.keys.admit(request.headers.get(HEADER))
    return using


def _model(using: Dependencies) -> Model:
    """Return the model in use; raises HTTPException 503 where there is none yet."""
    model = using.recommendations.served.model
    if model is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, NO_MODEL, {"Retry-After": "5"})
    return model


def _answer(using: Dependencies, recommended: Recommendations) -> Response:
    using.metrics.answers.labels("200").inc()
    return Response(recommended.model_dump_json(), media_type=JSON)
