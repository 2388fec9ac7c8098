"""What the API answers, as types: the functions build plain dictionaries, and tests hold those to these."""

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field, RootModel

from imagescan.domain.image_record import Failure, Status
from imagescan.domain.labels import Box, Label
from imagescan.domain.question import MatchedBy, MatchMode

type Confidence = Annotated[float, Field(ge=0, le=100, description="Percent.")]
type Moment = Annotated[
    str, Field(description="ISO 8601, in UTC.", json_schema_extra={"format": "date-time"}, pattern=r"Z$")
]
type Sha256 = Annotated[str, Field(description="SHA-256 of the image's bytes.", pattern="^[0-9a-f]{64}$")]
type Count = Annotated[int, Field(ge=0)]
type RequestId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Match(TypedDict):
    """The label that answers, and by which of its names."""

    label: str
    confidence: Confidence
    matched_by: MatchedBy
    boxes: list[Box]


class Result(TypedDict):
    """Whether the image shows one of the labels asked for; for a miss, the labels that come nearest."""

    label: str
    matched: bool
    match: Match | None
    nearest: Annotated[list[Label], Field(max_length=3)]


class Upload(TypedDict):
    """How to send the bytes: exactly these headers and exactly the bytes that were announced."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Moment


class Verdict(TypedDict):
    """What was asked of which image, and the answer."""

    request_id: RequestId
    reference: Annotated[str | None, Field(description="The caller's own word for it.")]
    message: Annotated[str, Field(description="One sentence for people.")]
    label: Annotated[str, Field(description="The first label asked for.")]
    labels_asked: Annotated[list[str], Field(min_length=1)]
    match_mode: MatchMode
    min_confidence: Confidence
    label_matched: Annotated[
        bool | None, Field(description="The answer; null while there is none. A failure is never a false.")
    ]
    match: Annotated[Match | None, Field(description="The first match.")]
    image_hash: Sha256


class QuestionAnswer(Verdict):
    """A further question's answer, from the stored labels."""

    nearest: Annotated[list[Label], Field(max_length=3)]
    results: Annotated[list[Result], Field(min_length=1)]


class RequestSummary(Verdict):
    """A request as it stands, without all that its image shows. What is not known yet is null."""

    status: Status
    failure: Failure | None
    created_at: Moment
    deadline: Moment
    completed_at: Moment | None
    scanned_at: Moment | None
    model_version: Annotated[str | None, Field(description="Version of Rekognition's label model.")]
    scan_reused: Annotated[bool | None, Field(description="Whether another request's scan answered this one.")]


class RequestOfMany(RequestSummary):
    """One of many requests, without all that its image shows. What is not known yet is null."""

    upload: Annotated[Upload | None, Field(description="While the bytes are awaited.")]


class Request(RequestSummary):
    """A request as it stands. What is not known yet is null, or an empty list."""

    nearest: Annotated[
        list[Label], Field(description="What comes nearest to the first label that was missed.", max_length=3)
    ]
    results: Annotated[list[Result], Field(description="One for each label asked for.")]
    labels: Annotated[list[Label], Field(description="All that the image shows, the most confident first.")]
    upload: Annotated[
        Upload | None, Field(description="While the bytes are awaited, and only in the answer to a POST.")
    ]


class ImageProgress(TypedDict):
    """How far the scan of an image is."""

    attempts: int
    lease_until: Moment | None
    requeued_at: Moment | None
    deferred_until: Moment | None
    is_terminal: bool


class DebugData(TypedDict):
    """What helps to see why a request stands as it does."""

    image_key: str
    scanned_for: RequestId | None
    image: ImageProgress | None


class RequestStanding(Request):
    """A request as it stands, with debug_data where it was asked for."""

    debug_data: NotRequired[DebugData]


class Error(TypedDict):
    """What is wrong and what to do: a stable code for programs, a sentence for people."""

    code: str
    message: str


class Problem(Error):
    """The same facts by RFC 9457, for a client that accepts application/problem+json."""

    title: str
    status: int
    detail: str


class EntryResult(TypedDict):
    """What became of one of many: a request or an error."""

    status_code: int
    request: RequestOfMany | None
    error: Error | None


class EntryResults(TypedDict):
    """What became of each entry, in order."""

    results: list[EntryResult]


class RequestResult(TypedDict):
    """How one of many requests stands, or why that is not told."""

    status_code: int
    request: Request | None
    error: Error | None


class RequestResults(TypedDict):
    """How requests stand, in the order of their ids."""

    results: Annotated[list[RequestResult], Field(min_length=1)]


class RequestPage(TypedDict):
    """Requests, newest first, and where the next page begins; null at the end."""

    requests: list[RequestSummary]
    cursor: str | None


class RequestPageOrResults(RootModel[RequestPage | RequestResults]):
    """A page of them, or those that were asked for by their ids."""


class Stats(TypedDict):
    """What came to its end and was counted. Nothing is ever taken off."""

    images: Annotated[Count, Field(description="Images that were scanned, or refused for good.")]
    requests: Annotated[Count, Field(description="Requests that ended: completed and failed together.")]
    completed: Count
    failed: Count
    scans: Annotated[Count, Field(description="Calls of Rekognition for these images that may have been paid for.")]
    scans_avoided: Annotated[Count, Field(description="Requests that a scan made for another's upload answered.")]
    as_of: Moment
