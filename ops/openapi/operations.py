"""The operations of the API with their parameters, bodies and responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from imagescan.api import query_params
from imagescan.api.request_models import MAX_KEY_LENGTH, BatchBody, EntryBody, QuestionBody, SubmitBody
from imagescan.domain.feature import Feature
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Status
from ops.openapi import shapes

type Schema = dict[str, Any]

OK, ACCEPTED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT
NOT_MODIFIED, BAD, UNKNOWN = HTTPStatus.NOT_MODIFIED, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND
CONFLICT, TOO_LARGE = HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
UNSUPPORTED = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    ``responses`` maps each success status to its body, and ``headers`` to its additional headers. ``errors`` are the
    error statuses that the function itself returns, and ``conflicts`` the error codes of status 409. ``links`` name the
    operations that use values of a response.
    """

    method: str
    path: str
    name: str
    summary: str
    responses: Mapping[HTTPStatus, type | None]
    errors: tuple[HTTPStatus, ...]
    conflicts: tuple[str, ...] = ()
    headers: Mapping[HTTPStatus, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    examples: Mapping[str, Schema] = field(default_factory=dict)
    links: Schema = field(default_factory=dict)


def ref(model: type) -> Schema:
    """Return a reference to the schema of a model."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _parameter(where: str, name: str, description: str, **schema: Any) -> Schema:
    return {"in": where, "name": name, "description": description, "required": where == "path", "schema": schema}


def _comma_separated(parameter: Schema) -> Schema:
    return {**parameter, "style": "form", "explode": False}


DECLARED_IMAGE_SCHEMA: Schema = {"allOf": [ref(EntryBody)], "required": ["sha256", "size"]}
_SUBMISSION_SCHEMA: Schema = {
    "allOf": [ref(SubmitBody)],
    "anyOf": [{"required": ["file"]}, {"required": ["sha256", "size"]}],
}

_BLACK_SQUARE = (
    "iVBORw0KGgoAAAANSUhEUgAAAFAAAABQCAAAAACreq1xAAAACXRFWHRDb21tZW50ADCv872qAAAAHUlEQVR4nO3BgQAAAADDoPlT3+AEVQEA"
    "AAAAAPAMGVAAAbY8GOoAAAAASUVORK5CYII="
)
_FILE_EXAMPLE: Schema = {"file": _BLACK_SQUARE, "fileType": ImageType.PNG, "label": "cat"}
_QUESTION_EXAMPLE: Schema = {"labels": ["cat", "dog"], "match_mode": "all", "min_confidence": 75}
_FEATURES_EXAMPLE: Schema = {"moderation": ["*"], "text": ["sale", "20% off"]}
_IMAGE_EXAMPLE: Schema = {"sha256": "ab" * 32, "size": 12_000_000, "fileType": ImageType.JPEG}
_UPLOAD_EXAMPLE: Schema = {**_IMAGE_EXAMPLE, **_QUESTION_EXAMPLE}

_REQUEST_ID = _parameter("path", "request_id", "ID returned by POST /scanrequest.", type="string", format="uuid")
_KEY = _parameter(
    "header",
    "Idempotency-Key",
    "Requests with the same key and body are one request, even if they are sent concurrently.",
    type="string",
    maxLength=MAX_KEY_LENGTH,
    pattern="^[ -~]+$",
)
_DEBUG = _parameter(
    "query",
    "debugData",
    "Add `debug_data` to the response. Any non-empty value except n, no, 0 and false enables it.",
    type="string",
    examples=["Y"],
)
_IF_NONE_MATCH = _parameter("header", "If-None-Match", "ETag of a previous response.", type="string")
_PREFER = _parameter(
    "header",
    "Prefer",
    "`wait=20` holds the response until the request has finished, for at most 20 seconds (RFC 7240). The stack "
    "parameter MaxWaitSeconds limits the time. Invalid values are ignored.",
    type="string",
)
_IDS = _comma_separated(
    _parameter(
        "query",
        "ids",
        "Comma-separated request IDs. The results are in the same order. Cannot be combined with other parameters.",
        type="array",
        minItems=1,
        maxItems=query_params.MAX_LIMIT,
        items={"type": "string", "minLength": 1, "pattern": "^[^,]+$"},
    )
)
_FILTERS = (
    _parameter("query", "status", "Filter by status.", type="string", enum=list(Status)),
    _parameter("query", "label", "Filter by requested label, ignoring case.", type="string", examples=["cat"]),
    _parameter("query", "feature", "Only requests that need this feature.", type="string", enum=list(Feature)),
    _parameter(
        "query",
        "created_after",
        "Only requests created at or after this time (ISO 8601).",
        type="string",
        examples=["2026-11-22T10:00:00Z"],
    ),
    _parameter(
        "query",
        "limit",
        "Maximum number of requests per page.",
        type="integer",
        minimum=1,
        maximum=query_params.MAX_LIMIT,
        default=query_params.DEFAULT_LIMIT,
    ),
    _parameter("query", "cursor", "`next_cursor` of the previous page.", type="string"),
)

_REQUEST_LINKS = {
    name: {"operationId": name, "parameters": {"request_id": "$response.body#/request_id"}}
    for name in ("getRequest", "askFollowUp", "deleteRequest")
}
_NEXT_PAGE = {"next": {"operationId": "listRequests", "parameters": {"cursor": "$response.body#/next_cursor"}}}

OPERATIONS = (
    Operation(
        method="post",
        path="/scanrequest",
        name="submitRequest",
        summary="Submit an image",
        body=_SUBMISSION_SCHEMA,
        examples={
            "file": _FILE_EXAMPLE,
            "direct_upload": _UPLOAD_EXAMPLE,
            "moderation_and_text": {**_FILE_EXAMPLE, **_FEATURES_EXAMPLE},
            "all_findings": {**_IMAGE_EXAMPLE, "features": list(Feature)},
        },
        parameters=(_KEY, _PREFER),
        responses={OK: shapes.Request, ACCEPTED: shapes.Request},
        headers={
            OK: ("Location", "Preference-Applied"),
            ACCEPTED: ("Location", "Preference-Applied", "Retry-After"),
        },
        errors=(BAD, CONFLICT, TOO_LARGE, UNSUPPORTED),
        conflicts=("idempotency_key_reused", "request_deleted"),
        links=_REQUEST_LINKS,
    ),
    Operation(
        method="get",
        path="/scanrequest/{request_id}",
        name="getRequest",
        summary="Get a request",
        parameters=(_REQUEST_ID, _DEBUG, _IF_NONE_MATCH, _PREFER),
        responses={OK: shapes.RequestWithDebug, NOT_MODIFIED: None},
        headers=dict.fromkeys((OK, NOT_MODIFIED), ("ETag", "Preference-Applied", "Retry-After")),
        errors=(UNKNOWN,),
    ),
    Operation(
        method="delete",
        path="/scanrequest/{request_id}",
        name="deleteRequest",
        summary="Delete a request",
        parameters=(_REQUEST_ID,),
        responses={NO_CONTENT: None},
        errors=(UNKNOWN,),
    ),
    Operation(
        method="post",
        path="/scanrequest/{request_id}/questions",
        name="askFollowUp",
        summary="Ask a follow-up question about a scanned image",
        parameters=(_REQUEST_ID,),
        body=ref(QuestionBody),
        examples={"several_labels": _QUESTION_EXAMPLE, "moderation_and_text": _FEATURES_EXAMPLE},
        responses={OK: shapes.QuestionAnswer},
        errors=(BAD, UNKNOWN, CONFLICT, TOO_LARGE),
        conflicts=("request_pending", "labels_unavailable", "feature_not_scanned"),
    ),
    Operation(
        method="post",
        path="/scanrequests",
        name="submitBatch",
        summary="Submit several images for direct upload",
        parameters=(_KEY,),
        body=ref(BatchBody),
        examples={"one_image": {"entries": [_UPLOAD_EXAMPLE]}},
        responses={OK: shapes.EntryResults},
        errors=(BAD, TOO_LARGE),
    ),
    Operation(
        method="get",
        path="/scanrequests",
        name="listRequests",
        summary="List requests or get several by ID",
        parameters=(*_FILTERS, _IDS),
        responses={OK: shapes.RequestPageOrResults},
        headers={OK: ("Retry-After",)},
        errors=(BAD,),
        links=_NEXT_PAGE,
    ),
    Operation(
        method="get",
        path="/stats",
        name="getStats",
        summary="Get usage statistics",
        responses={OK: shapes.Stats},
        errors=(),
    ),
)
