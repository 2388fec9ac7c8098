"""What can be asked of the API: each method of each path, with what goes in and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from imagescan.api import query_params
from imagescan.api.request_models import MAX_KEY_LENGTH, BatchBody, EntryBody, QuestionBody, SubmitBody
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

    ``answers`` says for each status of success what its body is, and ``headers`` what comes with it; ``errors`` are the
    other statuses that the function itself answers. ``links`` say where what is answered leads to.
    """

    method: str
    path: str
    name: str
    summary: str
    answers: Mapping[HTTPStatus, type | None]
    errors: tuple[HTTPStatus, ...]
    headers: Mapping[HTTPStatus, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    examples: Mapping[str, Schema] = field(default_factory=dict)
    links: Schema = field(default_factory=dict)


def ref(model: type) -> Schema:
    """Where the description holds the model's schema."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _parameter(where: str, name: str, description: str, **schema: Any) -> Schema:
    return {"in": where, "name": name, "description": description, "required": where == "path", "schema": schema}


def _with_commas(parameter: Schema) -> Schema:
    return {**parameter, "style": "form", "explode": False}


ANNOUNCEMENT: Schema = {"allOf": [ref(EntryBody)], "required": ["sha256", "size"]}
_SUBMISSION: Schema = {"allOf": [ref(SubmitBody)], "anyOf": [{"required": ["file"]}, {"required": ["sha256", "size"]}]}

_BLACK_SQUARE = (
    "iVBORw0KGgoAAAANSUhEUgAAAFAAAABQCAAAAACreq1xAAAACXRFWHRDb21tZW50ADCv872qAAAAHUlEQVR4nO3BgQAAAADDoPlT3+AEVQEA"
    "AAAAAPAMGVAAAbY8GOoAAAAASUVORK5CYII="
)
_POSTED: Schema = {"file": _BLACK_SQUARE, "fileType": ImageType.PNG, "label": "cat"}
_QUESTION: Schema = {"labels": ["cat", "dog"], "match": "all", "min_confidence": 75}
_ANNOUNCED: Schema = {"sha256": "ab" * 32, "size": 12_000_000, "fileType": ImageType.JPEG, **_QUESTION}

_REQUEST_ID = _parameter("path", "request_id", "As the answer to a POST told it.", type="string", format="uuid")
_KEY = _parameter(
    "header",
    "Idempotency-Key",
    "The same key and body are the same request, also when sent twice at once.",
    type="string",
    maxLength=MAX_KEY_LENGTH,
    pattern="^[ -~]+$",
)
_DEBUG = _parameter("query", "debugData", "`Y`, exactly, adds `debug_data`.", type="string", examples=["Y"])
_KNOWN = _parameter("header", "If-None-Match", "The ETag of the answer that one has.", type="string")
_IDS = _with_commas(
    _parameter(
        "query",
        "ids",
        "How these stand, in full and in this order, with commas between them and without any other parameter.",
        type="array",
        minItems=1,
        maxItems=query_params.MAX_LIMIT,
        items={"type": "string", "minLength": 1, "pattern": "^[^,]+$"},
    )
)
_FILTERS = (
    _parameter("query", "status", "How they stand.", type="string", enum=list(Status)),
    _parameter("query", "label", "A label that was asked for.", type="string", examples=["cat"]),
    _parameter("query", "from", "Made from this ISO 8601 time on.", type="string", examples=["2026-11-22T10:00:00Z"]),
    _parameter(
        "query",
        "limit",
        "At most so many to a page.",
        type="integer",
        minimum=1,
        maximum=query_params.MAX_LIMIT,
        default=query_params.DEFAULT_LIMIT,
    ),
    _parameter("query", "cursor", "The cursor of the page before.", type="string"),
)

_OF_THE_REQUEST = {
    name: {"operationId": name, "parameters": {"request_id": "$response.body#/request_id"}}
    for name in ("status", "ask", "delete")
}
_NEXT_PAGE = {"next": {"operationId": "list", "parameters": {"cursor": "$response.body#/cursor"}}}

OPERATIONS = (
    Operation(
        method="post",
        path="/scanrequest",
        name="submit",
        summary="Ask about an image",
        body=_SUBMISSION,
        examples={"posted": _POSTED, "announced": _ANNOUNCED},
        parameters=(_KEY,),
        answers={OK: shapes.Request, ACCEPTED: shapes.Request},
        headers={OK: ("Location",), ACCEPTED: ("Location", "Retry-After")},
        errors=(BAD, CONFLICT, TOO_LARGE, UNSUPPORTED),
        links=_OF_THE_REQUEST,
    ),
    Operation(
        method="get",
        path="/scanrequest/{request_id}",
        name="status",
        summary="How a request stands",
        parameters=(_REQUEST_ID, _DEBUG, _KNOWN),
        answers={OK: shapes.RequestStanding, NOT_MODIFIED: None},
        headers={OK: ("ETag", "Retry-After"), NOT_MODIFIED: ("ETag", "Retry-After")},
        errors=(UNKNOWN,),
    ),
    Operation(
        method="delete",
        path="/scanrequest/{request_id}",
        name="delete",
        summary="Delete a request, and its image when nobody needs it",
        parameters=(_REQUEST_ID,),
        answers={NO_CONTENT: None},
        errors=(UNKNOWN,),
    ),
    Operation(
        method="post",
        path="/scanrequest/{request_id}/questions",
        name="ask",
        summary="Ask more about the same image, from its stored labels",
        parameters=(_REQUEST_ID,),
        body=ref(QuestionBody),
        examples={"several": _QUESTION},
        answers={OK: shapes.QuestionAnswer},
        errors=(BAD, UNKNOWN, CONFLICT, TOO_LARGE),
    ),
    Operation(
        method="post",
        path="/scanrequests",
        name="submitMany",
        summary="Announce many images at once",
        parameters=(_KEY,),
        body=ref(BatchBody),
        examples={"one": {"entries": [_ANNOUNCED]}},
        answers={OK: shapes.EntryResults},
        errors=(BAD, TOO_LARGE),
    ),
    Operation(
        method="get",
        path="/scanrequests",
        name="list",
        summary="List requests, newest first, or tell how those of these ids stand",
        parameters=(*_FILTERS, _IDS),
        answers={OK: shapes.RequestPageOrResults},
        headers={OK: ("Retry-After",)},
        errors=(BAD,),
        links=_NEXT_PAGE,
    ),
    Operation(
        method="get",
        path="/stats",
        name="stats",
        summary="How much was asked and scanned, and how many calls of Rekognition were saved",
        answers={OK: shapes.Stats},
        errors=(),
    ),
)
