"""Builds the OpenAPI description of the API from the models in the code."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from imagescan.api.request_models import HINTS, BatchBody, EntryBody, QuestionBody, SubmitBody
from imagescan.domain.image_header import ImageType
from ops.openapi import shapes
from ops.openapi.operations import DECLARED_IMAGE_SCHEMA, OPERATIONS, Operation, Schema, ref

JSON, PROBLEM = "application/json", "application/problem+json"

_REQUEST_MODELS: tuple[type[BaseModel], ...] = (SubmitBody, EntryBody, QuestionBody, BatchBody)
# API Gateway itself returns these, always as application/json.
_GATEWAY_STATUSES = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_COMMON_ERRORS = (*_GATEWAY_STATUSES, HTTPStatus.INTERNAL_SERVER_ERROR)
_COMMON_HEADERS = ("Access-Control-Allow-Origin", "Cache-Control")
_HEADERS: Schema = {
    "Access-Control-Allow-Origin": {"required": True, "schema": {"const": "*"}},
    "Cache-Control": {"required": True, "schema": {"type": "string"}},
    "ETag": {"required": True, "schema": {"type": "string"}},
    "Location": {
        "required": True,
        "description": "URL of the request, relative to the URL of the POST.",
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "The preference `wait` as applied, with the maximum number of seconds to wait.",
        "schema": {"type": "string", "examples": ["wait=20"]},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next poll. Present while the request is pending.",
        "schema": {"type": "integer"},
    },
}
_SECURITY_SCHEMES: Schema = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for execute-api. Required if the stack parameter AuthMode is iam.",
    },
    "userPool": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "ID token of the user pool. Required if the stack parameter AuthMode is cognito.",
    },
}


def describe() -> Schema:
    """Return the complete description."""
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation_object(operation)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Image scanning",
            "version": "1",
            "description": (
                "Finds labels, moderation labels and text in images, and answers questions about them. Fields are only "
                "added."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{}, *({name: []} for name in _SECURITY_SCHEMES)],
        "paths": paths,
        "components": {"schemas": _schemas(), "headers": _HEADERS, "securitySchemes": _SECURITY_SCHEMES},
    }


def _operation_object(operation: Operation) -> Schema:
    described: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        examples = {name: {"value": value} for name, value in operation.examples.items()}
        described["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": operation.body, "examples": examples}},
        }
    responses = {str(int(status)): _response(operation, status) for status in operation.responses}
    errors = sorted((*operation.errors, *_COMMON_ERRORS))
    return described | {"responses": responses | {str(int(status)): _error(operation, status) for status in errors}}


def _response(operation: Operation, status: HTTPStatus) -> Schema:
    names = (*_COMMON_HEADERS, *operation.headers.get(status, ()))
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    described: Schema = {"description": status.phrase, "headers": headers}
    if shape := operation.responses[status]:
        described["content"] = {JSON: {"schema": ref(shape)}}
    return described | ({"links": operation.links} if operation.links else {})


def _error(operation: Operation, status: HTTPStatus) -> Schema:
    problem = {} if status in _GATEWAY_STATUSES else {PROBLEM: {"schema": ref(shapes.Problem)}}
    content = {JSON: {"schema": ref(shapes.Error)}, **problem}
    codes = f": {', '.join(operation.conflicts)}" if status == HTTPStatus.CONFLICT else ""
    return {"description": f"{status.phrase}{codes}", "content": content}


class _SchemaGenerator(GenerateJsonSchema):
    """Omits field titles, which only repeat the names, and marks all response fields as required."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - signature of the base class
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        is_response_field = self.mode == "serialization" and field["type"] == "dataclass-field"
        return is_response_field or super().field_is_required(field, total)


def _schemas() -> Schema:
    bodies = {shape for operation in OPERATIONS for shape in operation.responses.values() if shape}
    models: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((model.__name__, "validation", TypeAdapter(model)) for model in _REQUEST_MODELS),
        *((shape.__name__, "serialization", TypeAdapter(shape)) for shape in (*bodies, shapes.Error, shapes.Problem)),
    ]
    _, generated = TypeAdapter.json_schemas(
        models, ref_template="#/components/schemas/{model}", schema_generator=_SchemaGenerator
    )
    schemas: dict[str, Schema] = generated["$defs"]
    for model in _REQUEST_MODELS:
        _add_details(schemas[model.__name__]["properties"])
    return {name: schemas[name] for name in sorted(schemas)}


def _add_details(fields: Schema) -> None:
    """Add descriptions and the constraints that the models do not express."""
    for name, schema in fields.items():
        schema["description"] = f"{HINTS[name]}."
    if "fileType" in fields:
        fields["fileType"]["enum"] = list(ImageType)
    if "entries" in fields:
        fields["entries"]["items"] = DECLARED_IMAGE_SCHEMA
