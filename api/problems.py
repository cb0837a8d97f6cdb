"""Every failure that a client can meet: a status and one sentence, never a trace of the code."""

from typing import Any

from fastapi import Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.metrics import Metrics
from pipelines.base import logs

WHY = {
    status.HTTP_401_UNAUTHORIZED: "The key is missing or not valid.",
    status.HTTP_404_NOT_FOUND: "There is no such path: an id in it may not hold a line break.",
    status.HTTP_409_CONFLICT: "The stream has folded this event already: its score is in tidemark.fraud_scores.",
    status.HTTP_413_CONTENT_TOO_LARGE: "The body is too large.",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "The body is not JSON.",
    status.HTTP_422_UNPROCESSABLE_CONTENT: "What was sent cannot be read.",
    status.HTTP_429_TOO_MANY_REQUESTS: "The key has had its share of requests.",
    status.HTTP_503_SERVICE_UNAVAILABLE: "No model is there yet.",
}
UNFORESEEN = "Something went wrong here, and the log of the API says what: try again, or tell who runs it."

log = logs.get(__name__)


class Problem(BaseModel):
    """Why there is no answer."""

    error: str = Field(description="One sentence: what is wrong and what to do.")


def described(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of these statuses."""
    return {code: {"model": Problem, "description": WHY[code]} for code in codes}


class Handlers:
    """Answers failures, and counts them."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    async def refuse(self, request: Request, error: HTTPException) -> Response:
        """Answer a failure that has a status and a sentence."""
        self.metrics.answers.labels(str(error.status_code)).inc()
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    async def hung_up(self, request: Request, error: ClientDisconnect) -> Response:
        """Answer nobody: who hung up within a request is told nothing, and it is no failure of
        ours.
        """
        return Response(status_code=status.HTTP_400_BAD_REQUEST)

    async def fail(self, request: Request, error: Exception) -> Response:
        """Answer a failure that nobody thought of: what it is stays in the log."""
        self.metrics.answers.labels("500").inc()
        log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
        return JSONResponse({"error": UNFORESEEN}, status.HTTP_500_INTERNAL_SERVER_ERROR)
