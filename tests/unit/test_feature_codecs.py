"""Stored findings and requests of all features are read as they were written."""

import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagescan.aws.detect_moderation_labels import decode_moderation_labels
from imagescan.aws.detect_text import decode_text_lines
from imagescan.aws.feature_adapters import feature_adapter
from imagescan.aws.items import scan_attributes, scan_from_item
from imagescan.aws.json_codec import encode_json
from imagescan.aws.request_codec import request_from_item, request_item
from imagescan.domain.content import content_scan, file_scan
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import Failure, Image, Origin, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Finding
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.question import MatchMode, Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.domain.text import TextLine, TextWord
from testing.fakes import by_feature

LABELS, MODERATION, TEXT = Feature
HASH = "ab" * 32
PERCENTAGES = st.floats(0, 100)
NAMES = st.text(max_size=12)
POLYGONS = st.lists(st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)), min_size=3, max_size=4).map(tuple)
FOUND_LABELS = st.builds(Label, NAMES, PERCENTAGES, *[st.lists(NAMES, max_size=2).map(tuple)] * 3, st.just(()))
FOUND_MODERATION = st.builds(
    ModerationLabel, NAMES, PERCENTAGES, st.lists(NAMES, max_size=2).map(tuple), st.integers(1, 3)
)
FOUND_WORDS = st.builds(TextWord, NAMES, PERCENTAGES, POLYGONS)
FOUND_TEXT = st.builds(TextLine, NAMES, PERCENTAGES, POLYGONS, st.lists(FOUND_WORDS, max_size=3).map(tuple))


def findings_of(feature: Feature) -> st.SearchStrategy[tuple[Finding, ...]]:
    """Return lists of findings. Rekognition returns each label and each moderation label once, but any text twice."""
    strategies: dict[Feature, st.SearchStrategy[tuple[Finding, ...]]] = {
        LABELS: st.lists(FOUND_LABELS, max_size=4, unique_by=lambda label: label.name).map(tuple),
        MODERATION: st.lists(FOUND_MODERATION, max_size=4, unique_by=lambda label: label.name).map(tuple),
        TEXT: st.lists(FOUND_TEXT, max_size=4).map(tuple),
    }
    return strategies[feature]


@given(st.lists(FOUND_MODERATION, max_size=5).map(tuple))
def test_moderation_labels_are_decoded_as_they_were_encoded(labels: tuple[ModerationLabel, ...]) -> None:
    assert decode_moderation_labels(encode_json(labels)) == labels


@given(st.lists(FOUND_TEXT, max_size=5).map(tuple))
def test_lines_of_text_are_decoded_as_they_were_encoded(lines: tuple[TextLine, ...]) -> None:
    assert decode_text_lines(encode_json(lines)) == lines


@pytest.mark.parametrize("feature", Feature)
def test_other_content_raises_an_error(feature: Feature) -> None:
    with pytest.raises(zlib.error):
        feature_adapter(feature).decode(b"findings")


# ---------------------------------------------------------------- scans

FAILURES = st.builds(Failure, st.text(min_size=1, max_size=9), NAMES)
OWNERS = st.none() | st.just("ann")


@st.composite
def scans(draw: st.DrawFn, feature: Feature) -> Scan:
    """Return scans with findings, or with the failure of a rejected image. Some are copies."""
    finished_at, scanned_for = draw(st.floats(900, 1200)), draw(st.sampled_from(["r", "other"]))
    owner, content = draw(OWNERS), draw(st.none() | st.just("cd" * 32))
    failure = draw(st.none() | FAILURES)
    if failure:
        rejected = Scan(Status.FAILED, finished_at, failure=failure, scanned_for=scanned_for, owner=owner)
        return replace(rejected, feature=feature, content_hash=content)
    origin = draw(st.none() | st.builds(Origin, st.floats(0, 900), st.booleans())) if content else None
    scan = Scan(Status.COMPLETED, finished_at, draw(findings_of(feature)), "3.0", None, scanned_for, owner, feature)
    return replace(scan, content_hash=content, origin=origin)


@given(st.sampled_from(Feature).flatmap(scans))
def test_a_scan_is_read_as_it_was_written(scan: Scan) -> None:
    item: Any = scan_attributes(scan)
    assert scan_from_item(item, scan.feature) == scan


@given(st.sampled_from(Feature).flatmap(scans), st.sampled_from([HASH, "ef" * 32]))
def test_the_scan_of_a_content_is_read_as_it_was_written(scan: Scan, scanned_hash: str) -> None:
    of_content = content_scan(scan, scanned_hash)
    item: Any = scan_attributes(of_content)
    assert scan_from_item(item, scan.feature) == of_content


def test_hashes_are_stored_as_bytes() -> None:
    scan = Scan(Status.COMPLETED, 1.0, content_hash="cd" * 32, scanned_hash=HASH)
    item = scan_attributes(scan)
    assert (item["content_hash"], item["scanned_hash"]) == ({"B": b"\xcd" * 32}, {"B": b"\xab" * 32})


def test_a_scan_without_a_content_has_no_attribute_for_it() -> None:
    assert not {"content_hash", "scanned_hash", "origin_at"} & set(scan_attributes(Scan(Status.COMPLETED, 1.0)))


@given(
    st.sampled_from(Feature).flatmap(scans).filter(lambda scan: not scan.origin and not scan.failure),
    st.floats(1200, 2000),
    OWNERS,
)
def test_a_copy_has_the_findings_and_the_time_of_the_scan(scan: Scan, now: float, owner: str | None) -> None:
    copy = file_scan(content_scan(scan, HASH), "ef" * 32, now, "r2", owner)
    assert (copy.findings, copy.scanned_at, copy.finished_at) == (scan.findings, scan.finished_at, now)
    assert (copy.scanned_for, copy.owner, copy.origin) == ("r2", owner, Origin(scan.finished_at, scan.owner == owner))
    own = file_scan(content_scan(scan, HASH), HASH, now, "r2", owner)
    assert own == replace(scan, finished_at=now)


# ---------------------------------------------------------------- requests

TEXTS = st.lists(st.text("aB1 é*", min_size=1, max_size=6), max_size=3, unique=True).map(tuple)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Return questions about at least one feature, which may ask nothing of it."""
    features = draw(st.lists(st.sampled_from(Feature), min_size=1, unique=True))
    asked = {feature: draw(TEXTS) for feature in Feature if feature in features}
    labels = asked.get(LABELS, ())
    others = tuple((feature, texts) for feature, texts in asked.items() if feature != LABELS or not texts)
    return Question(labels, draw(PERCENTAGES), draw(st.sampled_from(MatchMode)), others)


@st.composite
def requests(draw: st.DrawFn) -> ScanRequest:
    """Return pending and answered requests. Their objects are shared, or their own with or without an upload."""
    has_own_object, awaits_upload = draw(st.sampled_from([(False, False), (True, False), (True, True)]))
    return ScanRequest(
        id="r",
        image_hash=HASH,
        image_key=f"uploads/r/{HASH}.png" if has_own_object else f"images/{HASH}.png",
        question=draw(questions()),
        created_at=1000.0,
        deadline=4600.0,
        awaits_upload=awaits_upload,
        reference=draw(st.none() | NAMES),
        payload_hash=draw(st.none() | st.just("ab" * 16)),
        owner=draw(st.none() | st.just("ann")),
    )


@st.composite
def answered_requests(draw: st.DrawFn) -> ScanRequest:
    """Return requests with the answer that follows from a scan, an exhaustion or nothing for each feature."""
    request = draw(requests())
    items = []
    for feature in request.features:
        scan = draw(st.none() | scans(feature))
        exhausted_at = (1100.0,) if scan is None and draw(st.booleans()) else ()
        items.append(Image(item_key(HASH, feature), scan=scan, exhausted_at=exhausted_at))
    answered = with_answer(request, by_feature(*items), 1e6)
    assert answered
    return answered


def stored(request: ScanRequest) -> ScanRequest:
    """Return what is read from the item of the request."""
    item: Any = request_item(request, 60)
    return request_from_item(item)


@given(requests())
def test_a_pending_request_is_read_as_it_was_stored(request: ScanRequest) -> None:
    assert stored(request) == request


@given(answered_requests())
def test_an_answered_request_is_read_as_it_was_stored(request: ScanRequest) -> None:
    assert stored(request) == request


# ---------------------------------------------------------------- requests for labels only

FOR_LABELS = ScanRequest("r", HASH, f"images/{HASH}.png", Question(("cat",), 90.0), created_at=1000.0, deadline=4600.0)
COMMON = {
    "request_id": {"S": "r"},
    "list_shard": {"S": "/r"},
    "list_position": {"S": "0000001000.000#r"},
    "image_hash": {"S": HASH},
    "extension": {"S": "png"},
    "labels_asked": {"L": [{"S": "cat"}]},
    "match_mode": {"S": "any"},
    "min_confidence": {"N": "90.0"},
    "created_at": {"N": "1000.0"},
    "deadline": {"N": "4600.0"},
    "expires_at": {"N": "1060"},
}


def answered_for_labels(scan: Scan) -> ScanRequest:
    answered = with_answer(FOR_LABELS, by_feature(Image(HASH, scan=scan)), 1020)
    assert answered
    return answered


def test_the_item_of_a_pending_request_for_labels_only_has_no_attribute_of_features() -> None:
    assert request_item(FOR_LABELS, 60) == COMMON | {"status": {"S": "pending"}, "waiting_for": {"S": HASH}}


def test_the_item_of_an_answered_request_for_labels_only_has_no_attribute_of_features() -> None:
    labels = (Label("Cat", 97.0),)
    completed = answered_for_labels(Scan(Status.COMPLETED, 1010.0, labels, "3.0", scanned_for="r"))
    assert request_item(completed, 60) == COMMON | {
        "status": {"S": "completed"},
        "finished_at": {"N": "1010.0"},
        "labels": {"B": feature_adapter(LABELS).encode(labels)},
        "model_version": {"S": "3.0"},
        "scanned_for": {"S": "r"},
        "completed_at": {"N": "1010.0"},
        "label_matched": {"BOOL": True},
        "results": {"S": '[["cat","Cat","name",[]]]'},
    }


def test_the_item_of_a_failed_request_for_labels_only_has_no_attribute_of_features() -> None:
    failed = answered_for_labels(Scan(Status.FAILED, 1010.0, failure=Failure("image_invalid", "It is corrupt.")))
    assert request_item(failed, 60) == COMMON | {
        "status": {"S": "failed"},
        "finished_at": {"N": "1010.0"},
        "failure_code": {"S": "image_invalid"},
        "failure_message": {"S": "It is corrupt."},
        "completed_at": {"N": "1010.0"},
    }


def test_an_item_without_attributes_of_features_is_a_request_for_labels() -> None:
    item: Any = COMMON | {"status": {"S": "pending"}, "waiting_for": {"S": HASH}}
    read = request_from_item(item)
    assert (read, read.features, read.item_keys) == (FOR_LABELS, (LABELS,), (HASH,))
