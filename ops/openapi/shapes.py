"""Types of the response bodies. The functions build dictionaries, and tests validate those with these types."""

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field, RootModel

from imagescan.domain.feature import Feature
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Failure, Status
from imagescan.domain.match import MatchedBy
from imagescan.domain.question import MatchMode
from imagescan.domain.scan_request import ReusedBy

type Confidence = Annotated[float, Field(ge=0, le=100, description="Percent.")]
type Timestamp = Annotated[
    str, Field(description="ISO 8601, in UTC.", json_schema_extra={"format": "date-time"}, pattern=r"Z$")
]
type Sha256 = Annotated[str, Field(description="SHA-256 of the image's bytes.", pattern="^[0-9a-f]{64}$")]
type Count = Annotated[int, Field(ge=0)]
type RequestId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Rectangle(TypedDict):
    """An upright rectangle: fractions of the image's width and height."""

    left: float
    top: float
    width: float
    height: float


class Box(Rectangle):
    """Bounding box of one instance of a label or of a line of text, with the confidence in percent."""

    confidence: float


class Label(TypedDict):
    """A label as Rekognition names it, with its confidence in percent."""

    name: str
    confidence: float
    parents: list[str]
    aliases: list[str]
    categories: list[str]
    boxes: list[Box]


class ModerationLabel(TypedDict):
    """A moderation label as Rekognition names it, with its confidence in percent."""

    name: str
    confidence: float
    parents: Annotated[list[str], Field(description="Names of its parents, the top level first.")]
    taxonomy_level: Annotated[int, Field(ge=1, description="Level in the taxonomy. The top level is 1.")]


class Moderation(TypedDict):
    """The moderation labels of the image. Until there is a result, the list is empty and the version is null."""

    labels: list[ModerationLabel]
    model_version: Annotated[str | None, Field(description="Version of Rekognition's moderation model.")]


class Point(TypedDict):
    """A corner of a polygon: fractions of the image's width and height."""

    x: float
    y: float


class Word(TypedDict):
    """A word with its confidence in percent and its position."""

    text: str
    confidence: float
    box: Rectangle
    polygon: list[Point]


class Line(Word):
    """A line of text with its confidence in percent and its position."""

    words: Annotated[list[Word], Field(description="Its words, from left to right.")]


class Text(TypedDict):
    """The text in the image. Until there is a result, the list is empty and the version is null."""

    lines: Annotated[list[Line], Field(description="Lines of text, from top to bottom.")]
    model_version: Annotated[str | None, Field(description="Version of Rekognition's text model.")]


class Match(TypedDict):
    """The label, moderation label or line of text that matches, and how it matches."""

    label: Annotated[str, Field(description="Name of the label, or the line of text.")]
    confidence: Confidence
    matched_by: MatchedBy
    boxes: list[Box]


class Result(TypedDict):
    """Result for one label, moderation label or text that was asked for. If a label is missing, the closest labels."""

    feature: Feature
    label: Annotated[str, Field(description="The label, the moderation label or the text that was asked for.")]
    matched: bool
    match: Match | None
    closest_labels: Annotated[list[Label], Field(description="Empty for features other than labels.", max_length=3)]


class Upload(TypedDict):
    """Upload instructions. Send exactly these headers and the declared bytes."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Timestamp


class Verdict(TypedDict):
    """A question about an image and its answer."""

    request_id: RequestId
    reference: Annotated[str | None, Field(description="Caller-supplied reference.")]
    message: Annotated[str, Field(description="The result in one sentence.")]
    label: Annotated[str | None, Field(description="First requested label. Null if no label was asked for.")]
    features: Annotated[list[Feature], Field(description="Features that the answer needs.", min_length=1)]
    labels_asked: list[str]
    moderation_asked: list[str]
    text_asked: list[str]
    match_mode: MatchMode
    min_confidence: Confidence
    label_matched: Annotated[
        bool | None, Field(description="The answer. Null while pending, if failed, and if nothing was asked.")
    ]
    match: Annotated[Match | None, Field(description="First match.")]
    image_hash: Sha256


class QuestionAnswer(Verdict):
    """The answer to a follow-up question, from the stored findings."""

    closest_labels: Annotated[list[Label], Field(max_length=3)]
    results: Annotated[
        list[Result], Field(description="One result for each label, moderation label and text that was asked for.")
    ]


class RequestSummary(Verdict):
    """A request without what was found in its image. Values that are not known yet are null."""

    status: Status
    failure: Failure | None
    created_at: Timestamp
    deadline: Timestamp
    completed_at: Timestamp | None
    scanned_at: Annotated[Timestamp | None, Field(description="Time of the last scan.")]
    model_version: Annotated[str | None, Field(description="Version of Rekognition's label model.")]
    scan_reused: Annotated[
        bool | None,
        Field(description="Whether no scan was needed: all scans were made for the uploads of other requests."),
    ]
    reused_by: Annotated[
        ReusedBy | None,
        Field(description="Whether the scanned file has the same bytes or only the same content. Null without reuse."),
    ]
    content_hash: Annotated[
        str | None,
        Field(
            description="Hash of the image without its metadata. Null until it is scanned, and for ambiguous files.",
            pattern="^[0-9a-f]{64}$",
        ),
    ]


class BatchRequest(RequestSummary):
    """A request of a batch without what was found in its image. Values that are not known yet are null."""

    upload: Annotated[Upload | None, Field(description="Present while an upload is expected.")]


class Request(RequestSummary):
    """A request. Values that are not known yet are null or an empty list."""

    closest_labels: Annotated[
        list[Label], Field(description="Labels that are closest to the first missing label.", max_length=3)
    ]
    results: Annotated[
        list[Result], Field(description="One result for each label, moderation label and text that was asked for.")
    ]
    labels: Annotated[list[Label], Field(description="All labels found, most confident first.")]
    moderation: Annotated[Moderation | None, Field(description="Null if the request does not need the feature.")]
    text: Annotated[Text | None, Field(description="Null if the request does not need the feature.")]
    upload: Annotated[
        Upload | None, Field(description="Present while an upload is expected, only in responses to a POST.")
    ]


class ImageDebug(TypedDict):
    """State of an image for one feature. Times that do not apply are left out."""

    attempts: Annotated[Count, Field(description="Number of scan attempts.")]
    is_terminal: Annotated[bool, Field(description="Whether the image has been scanned or has failed.")]
    first_leased_at: NotRequired[Annotated[Timestamp, Field(description="Start of the first scan attempt.")]]
    lease_until: NotRequired[Annotated[Timestamp, Field(description="End of the current lease.")]]
    requeued_at: NotRequired[Annotated[Timestamp, Field(description="Last time the sweeper requeued the image.")]]
    deferred_until: NotRequired[
        Annotated[Timestamp, Field(description="Start of the day on which the image will be scanned.")]
    ]
    not_before: NotRequired[
        Annotated[
            Timestamp,
            Field(description="Time before which no scan attempt starts, after one that may have been paid for."),
        ]
    ]
    scan_finished_at: NotRequired[Annotated[Timestamp, Field(description="Time of the scan result.")]]
    exhausted_at: NotRequired[
        Annotated[list[Timestamp], Field(description="Times at which no scan attempt was left.", min_length=1)]
    ]
    is_exhausted: NotRequired[
        Annotated[bool, Field(description="True if no scan attempt is left until the image is submitted again.")]
    ]


class DebugData(TypedDict):
    """State of a request and its image. Fields that do not apply are left out."""

    image_key: Annotated[str, Field(description="Object key of the image.")]
    file_type: ImageType
    is_direct_upload: Annotated[bool, Field(description="Whether the request was submitted by hash.")]
    uploaded_at: NotRequired[
        Annotated[
            Timestamp, Field(description="Time when the bytes were posted, or first found after a direct upload.")
        ]
    ]
    scanned_at: NotRequired[Timestamp]
    scanned_for: NotRequired[
        Annotated[RequestId, Field(description="ID of this request if its own upload was scanned.")]
    ]
    image: Annotated[
        ImageDebug | None,
        Field(description="State for the labels. Null if it was never leased, was purged, or is not needed."),
    ]
    moderation: NotRequired[ImageDebug | None]
    text: NotRequired[ImageDebug | None]


class RequestWithDebug(Request):
    """A request, with debug data if the query requests it."""

    debug_data: NotRequired[DebugData]


class Error(TypedDict):
    """An error with a stable code and a sentence that explains it and what to do."""

    code: str
    message: str


class Problem(Error):
    """An error as RFC 9457 problem details, for clients that accept application/problem+json."""

    title: str
    status: int
    detail: str


class EntryResult(TypedDict):
    """Result of one batch entry: a request or an error."""

    status_code: int
    request: BatchRequest | None
    error: Error | None


class EntryResults(TypedDict):
    """Results of all batch entries, in order."""

    results: list[EntryResult]


class RequestResult(TypedDict):
    """Result or error for one request."""

    status_code: int
    request: Request | None
    error: Error | None


class RequestResults(TypedDict):
    """Results in the order of the requested IDs."""

    results: Annotated[list[RequestResult], Field(min_length=1)]


class RequestPage(TypedDict):
    """Requests, newest first. ``next_cursor`` is null on the last page."""

    requests: list[RequestSummary]
    next_cursor: str | None


class RequestPageOrResults(RootModel[RequestPage | RequestResults]):
    """A page of requests, or the results for the requested IDs."""


class AvoidedBy(TypedDict):
    """Why calls were unnecessary. The counts add up to ``scans_avoided``."""

    bytes: Annotated[Count, Field(description="A file with the same bytes was scanned.")]
    content: Annotated[Count, Field(description="A file with other bytes and the same content was scanned.")]


class FeatureStats(TypedDict):
    """The part of the counts that concerns one feature."""

    images: Count
    scans: Count
    scans_avoided: Count
    scans_avoided_by: AvoidedBy


class StatsByFeature(TypedDict):
    """The counts of each feature. They add up to those of all features."""

    labels: FeatureStats
    moderation: FeatureStats
    text: FeatureStats


class Stats(TypedDict):
    """Counts of finished requests and images. They never decrease."""

    images: Annotated[
        Count, Field(description="Images that were scanned or permanently rejected, counted once per feature.")
    ]
    requests: Annotated[Count, Field(description="Finished requests, completed and failed.")]
    completed: Count
    failed: Count
    scans: Annotated[Count, Field(description="Rekognition calls for these images that may have been billed.")]
    scans_avoided: Annotated[Count, Field(description="Rekognition calls that existing scans made unnecessary.")]
    scans_avoided_by: AvoidedBy
    by_feature: StatsByFeature
    as_of: Timestamp
