"""The OpenAPI description of the API, made of the code's own models."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from imagescan.api.request_models import HINTS, BatchBody, EntryBody, QuestionBody, SubmitBody
from imagescan.domain.image_header import ImageType
from ops.openapi import shapes
from ops.openapi.operations import ANNOUNCEMENT, OPERATIONS, Operation, Schema, ref

JSON, PROBLEM = "application/json", "application/problem+json"

_SENT: tuple[type[BaseModel], ...] = (SubmitBody, EntryBody, QuestionBody, BatchBody)
# What API Gateway answers by itself, in the plain body whatever the client accepts.
_BY_THE_GATEWAY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_ANY_OPERATION_FAILS_BY = (*_BY_THE_GATEWAY, HTTPStatus.INTERNAL_SERVER_ERROR)
_ANY_ANSWER_HAS = ("Access-Control-Allow-Origin", "Cache-Control")
_HEADERS: Schema = {
    "Access-Control-Allow-Origin": {"required": True, "schema": {"const": "*"}},
    "Cache-Control": {"required": True, "schema": {"type": "string"}},
    "ETag": {"required": True, "schema": {"type": "string"}},
    "Location": {
        "required": True,
        "description": "The request's address, relative to the one posted to.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again, while the request is pending.",
        "schema": {"type": "integer"},
    },
}
_GUARDS: Schema = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for execute-api, where the stack's parameter Access is iam.",
    },
    "userPool": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "A token of the user pool, where the stack's parameter Access is cognito.",
    },
}


def describe() -> Schema:
    """The whole description."""
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Image scanning",
            "version": "1",
            "description": "Says whether an image shows a label, and what else it shows. Fields are only ever added.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{}, *({name: []} for name in _GUARDS)],
        "paths": paths,
        "components": {"schemas": _schemas(), "headers": _HEADERS, "securitySchemes": _GUARDS},
    }


def _described(operation: Operation) -> Schema:
    told: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.parameters:
        told["parameters"] = list(operation.parameters)
    if operation.body:
        examples = {name: {"value": value} for name, value in operation.examples.items()}
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": operation.body, "examples": examples}}}
    answers = {str(int(status)): _answer(operation, status) for status in operation.answers}
    fails_by = sorted((*operation.errors, *_ANY_OPERATION_FAILS_BY))
    return told | {"responses": answers | {str(int(status)): _error(status) for status in fails_by}}


def _answer(operation: Operation, status: HTTPStatus) -> Schema:
    names = (*_ANY_ANSWER_HAS, *operation.headers.get(status, ()))
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    told: Schema = {"description": status.phrase, "headers": headers}
    if shape := operation.answers[status]:
        told["content"] = {JSON: {"schema": ref(shape)}}
    return told | ({"links": operation.links} if operation.links else {})


def _error(status: HTTPStatus) -> Schema:
    problem = {} if status in _BY_THE_GATEWAY else {PROBLEM: {"schema": ref(shapes.Problem)}}
    content = {JSON: {"schema": ref(shapes.Error)}, **problem}
    return {"description": status.phrase, "content": content}


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name; and answers leave out no key."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class calls it so
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        is_answered = self.mode == "serialization" and field["type"] == "dataclass-field"
        return is_answered or super().field_is_required(field, total)


def _schemas() -> Schema:
    answered = {shape for operation in OPERATIONS for shape in operation.answers.values() if shape}
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((model.__name__, "validation", TypeAdapter(model)) for model in _SENT),
        *((shape.__name__, "serialization", TypeAdapter(shape)) for shape in (*answered, shapes.Error, shapes.Problem)),
    ]
    _, made = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}", schema_generator=_Plain)
    schemas: dict[str, Schema] = made["$defs"]
    for model in _SENT:
        _complete(schemas[model.__name__]["properties"])
    return {name: schemas[name] for name in sorted(schemas)}


def _complete(fields: Schema) -> None:
    """Adds what the models leave to the code behind them."""
    for name, schema in fields.items():
        schema["description"] = f"{HINTS[name]}."
    if "fileType" in fields:
        fields["fileType"]["enum"] = list(ImageType)
    if "entries" in fields:
        fields["entries"]["items"] = ANNOUNCEMENT
