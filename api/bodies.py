"""Reads what clients send: bounded in size, and checked against what a route takes."""

from typing import Any, TypeVar

from fastapi import Request, status
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

JSON = "application/json"
SHOWN = 3  # wrong fields named in one sentence

Sent = TypeVar("Sent", bound=BaseModel)


async def body(request: Request, most_bytes: int, what: str) -> bytes:
    """Return the body of a request whole; raises HTTPException 413 where it is larger than any
    `what` is.
    """
    # By hand, because what Starlette has for it answers in plain text.
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > most_bytes:
            problem = f"The body is larger than {most_bytes} bytes, which no {what} is: send one {what}."
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, problem)
    return bytes(read)


def parsed(kind: type[Sent], request: Request, sent: bytes, what: str) -> Sent:
    """Return a body as what it should be.

    Raises HTTPException 415 where it does not say that it is JSON, 422 where it is no such thing.
    """
    # Parsed by pydantic from the bytes: a time may then be a text, as JSON has it, and everything
    # else stays strict.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, f"The body should be a {what} in JSON: send it as {JSON}.")
    try:
        return kind.model_validate_json(sent)
    except ValidationError as error:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT, in_words(error.errors(include_input=False), f"The {what}")
        ) from error


def parameters(kind: type[Sent], request: Request) -> Sent:
    """Return the parameters of a request's path and query as what they should be, each once; raises
    HTTPException 422 where they are not.
    """
    query = request.query_params
    given = {name: values[0] if len(values := query.getlist(name)) == 1 else values for name in query}
    try:
        return kind.model_validate({**given, **request.path_params})
    except ValidationError as error:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT, in_words(error.errors(include_input=False), "The request")
        ) from error


def json_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of what is sent, in one piece: what it refers to lies in it, because
    an OpenAPI document has no other place for it.
    """
    schema = kind.model_json_schema()
    definitions = schema.pop("$defs", {})

    def whole(part: Any) -> Any:
        if isinstance(part, dict) and "$ref" in part:
            return whole(definitions[part["$ref"].rpartition("/")[2]])
        if isinstance(part, dict):
            return {key: whole(value) for key, value in part.items()}
        return [whole(each) for each in part] if isinstance(part, list) else part

    made: dict[str, Any] = whole(schema)
    return made


def in_words(errors: list[ErrorDetails], what: str) -> str:
    """Return which fields of something are wrong and how, never what they hold."""
    wrong = [f"{'.'.join(map(str, e['loc'])) or 'the body'}: {e['msg'].lower()}" for e in errors]
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return f"{what} cannot be read: {'; '.join(wrong[:SHOWN])}{more}."
