"""Properties that hold for every input."""

import json
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagescan.api import request_models
from imagescan.aws.s3_events import MalformedMessage, image_keys, s3_event_message
from imagescan.aws.scan_queue import messages_from_event
from imagescan.domain.errors import ApiError
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import DeclaredImage, ValidatedImage, hash_from_key, validate_image
from imagescan.domain.image_header import ImageType, dimensions
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Possession, Scan, Status, next_day
from imagescan.domain.labels import Label, match_label, normalized
from imagescan.domain.match import MatchedBy
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import Question, evaluate
from imagescan.domain.scan_request import (
    NEVER_UPLOADED,
    TIMED_OUT,
    Answer,
    ScanRequest,
    derive_answer,
    effective_deadline,
    visible_items,
    with_answer,
)
from imagescan.use_cases.scan_batch import scan_batch
from imagescan.use_cases.scan_image import OutcomeKind
from testing.fakes import by_feature
from testing.images import jpeg, png, segment

# A busy machine must not fail a test.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# ---------------------------------------------------------------- match

WORDS = st.sampled_from(
    ["cat", "Cat", " CAT ", "dog", "Animal", "animal", "Straße", "STRASSE", "Hot  Dog", "hot dog", ""]
)
NAMES = st.lists(WORDS, max_size=3).map(tuple)
CONFIDENCES = st.floats(0, 100)
LABELS = st.lists(
    st.builds(Label, WORDS, CONFIDENCES, NAMES, NAMES, NAMES), max_size=6, unique_by=lambda label: label.name
)


def all_names(label: Label) -> dict[MatchedBy, set[str]]:
    return {
        MatchedBy.NAME: {normalized(label.name)},
        MatchedBy.ALIAS: set(map(normalized, label.aliases)),
        MatchedBy.PARENT: set(map(normalized, label.parents)),
        MatchedBy.CATEGORY: set(map(normalized, label.categories)),
    }


@given(WORDS, LABELS, CONFIDENCES)
def test_a_label_matches_if_one_of_its_names_does_with_sufficient_confidence(
    requested: str, labels: list[Label], confidence: float
) -> None:
    candidates = [
        label
        for label in labels
        if label.confidence >= confidence and any(normalized(requested) in names for names in all_names(label).values())
    ]
    assert match_label(requested, labels, confidence).matched is bool(candidates)


@given(WORDS, LABELS, CONFIDENCES)
def test_no_closer_kind_of_match_has_sufficient_confidence(
    requested: str, labels: list[Label], confidence: float
) -> None:
    found = match_label(requested, labels, confidence).match
    if found is None:
        return
    assert found.finding in labels
    assert normalized(requested) in all_names(found.finding)[found.matched_by]
    closer = list(MatchedBy)[: list(MatchedBy).index(found.matched_by)]
    for label in labels:
        if label.confidence >= confidence:
            assert not any(normalized(requested) in all_names(label)[kind] for kind in closer)


@given(WORDS, LABELS, CONFIDENCES, CONFIDENCES)
def test_a_label_that_matches_also_matches_at_every_lower_confidence(
    requested: str, labels: list[Label], one: float, other: float
) -> None:
    if match_label(requested, labels, max(one, other)).matched:
        assert match_label(requested, labels, min(one, other)).matched


@given(WORDS, LABELS, CONFIDENCES)
def test_the_order_of_labels_and_the_case_of_the_requested_label_do_not_matter(
    requested: str, labels: list[Label], confidence: float
) -> None:
    result = match_label(requested, labels, confidence)
    reordered = match_label(f"  {requested.swapcase()}\n", sorted(labels, key=lambda label: label.name), confidence)
    assert (result.match, result.closest) == (reordered.match, reordered.closest)


@given(WORDS, LABELS, CONFIDENCES)
def test_a_miss_has_at_most_three_closest_labels_and_a_match_none(
    requested: str, labels: list[Label], confidence: float
) -> None:
    result = match_label(requested, labels, confidence)
    assert len(result.closest) == (0 if result.matched else min(3, len(labels)))


# ---------------------------------------------------------------- derive_answer

CREATED = 1_000_000.0
DAYS = 4
SECONDS = st.floats(0, DAYS * DAY_SECONDS) | st.floats(0, 4 * 3600)
REQUESTS = st.builds(
    lambda timeout, confidence, awaits_upload: ScanRequest(
        "r", "h", "k", Question(("cat",), confidence), CREATED, CREATED + timeout, awaits_upload
    ),
    st.floats(0, 3600) | st.floats(0, DAY_SECONDS),
    CONFIDENCES,
    st.booleans(),
)
WRITE_DELAYS = st.floats(0, GRACE_SECONDS, exclude_max=True)
FAILURES = st.none() | st.just(Failure("image_invalid", "The image is corrupt."))


@dataclass(frozen=True)
class History:
    """All writes to an image's item, with the times at which they take effect (epoch seconds).

    A lease comes first. The image may be deferred on some days. A scan may come last. A write takes effect after its
    time was taken, but within the grace period. ``deferrals`` and ``exhaustions`` are pairs of the time taken and the
    time of effect. No exhaustion takes effect after the terminal write, and none was taken before an earlier one took
    effect, because the image has to be reopened in between.
    A deferral takes effect before an exhaustion that follows it, because an exhaustion ends the lease.
    """

    leased_at: float
    deferrals: tuple[tuple[float, float], ...] = ()
    scan: Scan | None = None
    scan_effective_at: float = 0.0
    exhaustions: tuple[tuple[float, float], ...] = ()

    def at(self, now: float) -> Image | None:
        """Return the item as a consistent read finds it."""
        deferred_at = tuple(at for at, effective_at in self.deferrals if effective_at <= now)
        exhausted_at = tuple(at for at, effective_at in self.exhaustions if effective_at <= now)
        image = Image("h", first_leased_at=self.leased_at, deferred_at=deferred_at, exhausted_at=exhausted_at)
        if self.scan and self.scan_effective_at <= now:
            return replace(image, scan=self.scan)
        if now <= self.leased_at:
            return None
        return replace(image, attempts=1, lease_until=now + 1)

    def items(self, now: float) -> dict[Feature, Image]:
        """Return the items of the image as consistent reads find them."""
        return by_feature(self.at(now))


def items_for_two_features(histories: tuple[History, History], now: float) -> dict[Feature, Image]:
    """Return the items for labels and for text, whose histories are independent, as consistent reads find them."""
    labels, text = histories
    item = text.at(now)
    scan = replace(item.scan, feature=Feature.TEXT, findings=()) if item and item.scan else None
    return by_feature(labels.at(now), item and replace(item, key=item_key("h", Feature.TEXT), scan=scan))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return histories with a scan before or after the request. No deferral follows the terminal write."""
    finished_at = CREATED + draw(st.floats(-3600, 4 * 3600) | st.floats(0, DAYS * DAY_SECONDS))
    scan = draw(st.none() | st.builds(_scan, st.just(finished_at), LABELS, FAILURES))
    scan_effective_at = finished_at + draw(WRITE_DELAYS)
    leased_at = finished_at - 5 - draw(st.just(0) | SECONDS) if scan else CREATED + 1
    delays = draw(st.lists(st.tuples(SECONDS, WRITE_DELAYS), max_size=DAYS))
    exhaustions = _exhaustions(leased_at, draw(st.lists(st.tuples(SECONDS, WRITE_DELAYS), max_size=5)))
    before_scan = tuple(each for each in exhaustions if scan is None or each[1] < scan_effective_at)
    deferrals = ((leased_at + since, leased_at + since + after) for since, after in delays)
    possible = tuple(
        (began, effective_at)
        for began, effective_at in deferrals
        if (scan is None or effective_at < scan_effective_at)
        and all(effective_at < exhausted[1] for exhausted in before_scan if began <= exhausted[0])
    )
    return History(leased_at, possible, scan, scan_effective_at, before_scan)


def _exhaustions(start: float, delays: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return exhaustions, each some seconds after the previous one took effect."""
    exhaustions = []
    for since, after in delays:
        exhaustions.append((start + since + 1, start + since + 1 + after))
        start = exhaustions[-1][1]
    return exhaustions


def _scan(at: float, labels: list[Label], failure: Failure | None) -> Scan:
    status = Status.FAILED if failure else Status.COMPLETED
    return Scan(status, at, () if failure else tuple(labels), failure=failure)


@given(REQUESTS, histories(), SECONDS, SECONDS)
def test_an_answer_never_changes(request: ScanRequest, history: History, one: float, other: float) -> None:
    earlier, later = sorted((CREATED + one, CREATED + other))
    first = derive_answer(request, history.items(earlier), earlier)
    if first:
        assert derive_answer(request, history.items(later), later) == first


FOR_TWO_FEATURES = REQUESTS.map(
    lambda request: replace(request, question=replace(request.question, others=((Feature.TEXT, ("sale",)),)))
)


@given(FOR_TWO_FEATURES, st.tuples(histories(), histories()), SECONDS, SECONDS)
def test_an_answer_for_two_features_never_changes_and_is_settled_as_it_was_returned(
    request: ScanRequest, pair: tuple[History, History], one: float, other: float
) -> None:
    earlier, later = sorted((CREATED + one, CREATED + other))
    first = with_answer(request, items_for_two_features(pair, earlier), earlier)
    if first:
        assert with_answer(request, items_for_two_features(pair, later), later) == first


@given(FOR_TWO_FEATURES, st.tuples(histories(), histories()), SECONDS)
def test_an_answer_for_two_features_combines_those_for_each_of_them(
    request: ScanRequest, pair: tuple[History, History], after: float
) -> None:
    now = CREATED + after
    items = items_for_two_features(pair, now)
    answer = derive_answer(request, items, now)
    alone = [
        derive_answer(replace(request, question=question), items, now)
        for question in (replace(request.question, others=()), replace(request.question, labels=()))
    ]
    for_labels, for_text = alone
    if for_labels is None or for_text is None:
        assert answer is None
    else:
        assert answer
        assert answer.completed_at == max(for_labels.completed_at, for_text.completed_at)
        assert answer.scans == for_labels.scans + for_text.scans
        failed = [feature for feature, each in ((Feature.LABELS, for_labels), (Feature.TEXT, for_text)) if each.failure]
        assert (answer.failure and answer.failure.feature) == (failed[0] if failed else None)


@given(FOR_TWO_FEATURES, st.tuples(histories(), histories()), SECONDS)
def test_every_request_for_two_features_is_answered_after_its_deadline_and_the_grace_period(
    request: ScanRequest, pair: tuple[History, History], more: float
) -> None:
    allowed = request.deadline - request.created_at
    deferrals = [began for history in pair for began, _ in history.deferrals]
    latest = max([request.deadline, *(next_day(at) + allowed for at in deferrals)])
    now = latest + GRACE_SECONDS + 1 + more
    assert derive_answer(request, items_for_two_features(pair, now), now)


@given(FOR_TWO_FEATURES, st.tuples(histories(), histories()), SECONDS, WRITE_DELAYS, st.tuples(SECONDS, SECONDS))
def test_an_answer_for_two_features_never_changes_when_its_owner_gets_the_image(
    request: ScanRequest, pair: tuple[History, History], since: float, delay: float, times: tuple[float, float]
) -> None:
    owned, possession = replace(request, owner="ann"), Possession("ann", "h", CREATED + since, "r")

    def answer(now: float) -> Answer | None:
        held = possession if possession.since + delay <= now else None
        items = visible_items(owned, items_for_two_features(pair, now), held)
        return derive_answer(owned, items, now)

    earlier, later = sorted(CREATED + after for after in times)
    first = answer(earlier)
    if first:
        assert answer(later) == first


@given(REQUESTS, histories(), SECONDS, WRITE_DELAYS, st.tuples(SECONDS, SECONDS))
def test_an_answer_never_changes_when_its_owner_gets_the_image(
    request: ScanRequest, history: History, since: float, delay: float, times: tuple[float, float]
) -> None:
    """Possession takes effect after its time was taken, but within the grace period."""
    owned, possession = replace(request, owner="ann"), Possession("ann", "h", CREATED + since, "r")

    def answer(now: float) -> Answer | None:
        held = possession if possession.since + delay <= now else None
        return derive_answer(owned, visible_items(owned, history.items(now), held), now)

    earlier, later = sorted(CREATED + after for after in times)
    first = answer(earlier)
    if first:
        assert answer(later) == first


@given(REQUESTS, histories(), SECONDS, SECONDS)
def test_settling_at_any_time_does_not_change_the_answer(
    request: ScanRequest, history: History, one: float, other: float
) -> None:
    earlier, later = sorted((CREATED + one, CREATED + other))
    settled = with_answer(request, history.items(earlier), earlier)
    if settled:
        assert settled == with_answer(settled, None, later) == with_answer(settled, history.items(later), later)
        assert settled == with_answer(request, history.items(later), later)


@given(REQUESTS, histories(), SECONDS)
def test_every_request_is_answered_after_its_effective_deadline_and_the_grace_period(
    request: ScanRequest, history: History, more: float
) -> None:
    """A deferral moves the deadline to at most the original interval after the next midnight."""
    allowed = request.deadline - request.created_at
    latest = max([request.deadline, *(next_day(at) + allowed for at, _ in history.deferrals)])
    now = latest + GRACE_SECONDS + 1 + more
    assert derive_answer(request, history.items(now), now)
    assert request.deadline <= effective_deadline(request, history.items(now)) <= latest


@given(REQUESTS, histories(), SECONDS)
def test_a_request_does_not_time_out_while_its_image_is_deferred(
    request: ScanRequest, history: History, after: float
) -> None:
    now = CREATED + after
    image = replace(history, exhaustions=()).at(now)
    if image and image.is_deferred(now) and max(image.deferred_at) <= request.deadline and not image.scan:
        assert derive_answer(request, by_feature(image), now) is None


@given(REQUESTS, histories(), SECONDS)
def test_a_request_fails_with_the_first_exhaustion_between_its_creation_and_its_deadline(
    request: ScanRequest, history: History, after: float
) -> None:
    now = CREATED + after
    image = history.at(now)
    answer = derive_answer(request, by_feature(image), now)
    deadline = effective_deadline(request, by_feature(image))
    times = [at for at in image.exhausted_at if CREATED <= at <= deadline] if image else []
    if times:
        assert answer
        assert (answer.failure, answer.completed_at) == (ATTEMPTS_EXHAUSTED, min(times))
    else:
        assert derive_answer(request, by_feature(image and replace(image, exhausted_at=())), now) == answer
        assert answer is None or answer.failure != ATTEMPTS_EXHAUSTED


@given(REQUESTS, histories(), st.floats())
def test_every_request_is_pending_completed_with_a_verdict_or_failed_with_a_reason(
    request: ScanRequest, history: History, now: float
) -> None:
    scan = history.scan
    answer = derive_answer(request, by_feature(Image("h", scan=scan)), now)
    if answer is None:
        assert scan is None
    elif answer.status is Status.COMPLETED:
        assert scan
        assert answer.verdict == evaluate(request.question, {Feature.LABELS: scan.findings})
        assert answer.failure is None
    else:
        assert answer.verdict is None
        timeout = NEVER_UPLOADED if request.awaits_upload else TIMED_OUT
        assert answer.failure in (timeout, scan.failure if scan else timeout)


# ---------------------------------------------------------------- image headers

SIDES = st.integers(1, 0xFFFF)
BARE_MARKERS = st.sampled_from([0x01, *range(0xD0, 0xD8)]).map(lambda marker: bytes((0xFF, marker)))
FILL = st.integers(1, 5).map(lambda count: b"\xff" * count)
SEGMENTS = st.builds(
    segment, st.sampled_from([0xC4, 0xC8, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE]), st.binary(max_size=200)
)
# Like EXIF segments, these contain a complete small image.
THUMBNAILS = st.builds(lambda width, height: segment(0xE1, b"Exif\0\0" + jpeg(width, height)), SIDES, SIDES)
FRAMES = st.sampled_from([0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCF])
JPEG_HEADERS = st.lists(SEGMENTS | THUMBNAILS | BARE_MARKERS, max_size=6).map(b"".join)
IMAGES = st.builds(
    lambda width, height, before, frame: (jpeg(width, height, segments=before, frame=frame), (width, height)),
    SIDES,
    SIDES,
    st.builds(lambda header, fill: header + fill, JPEG_HEADERS, FILL | st.just(b"")),
    FRAMES,
) | st.builds(lambda width, height: (png(width, height), (width, height)), SIDES, SIDES)


def type_of(content: bytes) -> ImageType:
    return ImageType.PNG if content.startswith(b"\x89PNG") else ImageType.JPEG


@given(IMAGES)
def test_the_dimensions_are_those_of_the_frame_header_whatever_precedes_it(
    image: tuple[bytes, tuple[int, int]],
) -> None:
    content, sides = image
    assert dimensions(content, type_of(content)) == sides


@given(IMAGES, st.data())
def test_a_truncated_image_has_its_correct_dimensions_or_none(
    image: tuple[bytes, tuple[int, int]], data: st.DataObject
) -> None:
    content, sides = image
    truncated = content[: data.draw(st.integers(0, len(content)))]
    assert dimensions(truncated, type_of(content)) in (None, sides)


@given(st.sampled_from(ImageType), st.binary(max_size=300))
def test_no_bytes_crash_the_header_parser(image_type: ImageType, content: bytes) -> None:
    signature = {ImageType.JPEG: b"\xff\xd8\xff", ImageType.PNG: b"\x89PNG\r\n\x1a\n"}[image_type]
    for each in (content, signature + content):
        found = dimensions(each, image_type)
        assert found is None or min(found) > 0


@given(st.sampled_from(ImageType), st.binary(max_size=300) | IMAGES.map(lambda image: image[0]))
def test_bytes_are_accepted_as_an_image_or_rejected_with_a_reason(image_type: ImageType, content: bytes) -> None:
    with suppress(ApiError):
        image = validate_image(content, image_type)
        assert 80 <= min(image.width, image.height) <= max(image.width, image.height) <= 10_000
        assert struct.pack(">H", image.height) in content
        assert hash_from_key(image.key) == image.hash


# ---------------------------------------------------------------- untrusted input

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FIELDS = st.sampled_from(
    ["Records", "Event", "eventSource", "eventName", "s3", "object", "key", "bucket", "file", "fileType", "label"]
)
VALUES = SCALARS | st.sampled_from(["aws:s3", "ObjectCreated:Put", "s3:TestEvent", f"images/{'ab' * 32}.png"])
ANY_JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5), max_leaves=20
)
RECORDS = st.fixed_dictionaries(
    {
        "eventSource": VALUES,
        "eventName": VALUES,
        "s3": ANY_JSON | st.builds(lambda key: {"object": {"key": key}}, VALUES),
    }
)
BODIES = (
    st.text()
    | ANY_JSON.map(json.dumps)
    | st.lists(RECORDS | ANY_JSON, max_size=3).map(lambda records: json.dumps({"Records": records}))
)


@given(BODIES)
def test_a_message_is_parsed_or_malformed(body: str) -> None:
    with suppress(MalformedMessage):
        keys = image_keys(body)
        assert len(set(keys)) == len(keys)
        assert all(hash_from_key(key) for key in keys)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["jpg", "png"]))
def test_the_key_of_a_created_message_is_parsed(digest: bytes, extension: str) -> None:
    key = f"images/{digest.hex()}.{extension}"
    assert image_keys(s3_event_message(key)) == [key]


@given(st.lists(BODIES, max_size=4))
def test_every_message_of_a_batch_has_its_own_result(bodies: list[str]) -> None:
    def scan(key: str) -> Any:
        raise RuntimeError(key)

    messages = messages_from_event({"Records": [_sqs_record(at, body) for at, body in enumerate(bodies)]})
    assert [message.id for message in messages] == [f"m{at}" for at in range(len(bodies))]
    results = scan_batch(messages, scan)
    assert [result.message for result in results] == messages
    for result in results:
        assert [outcome.key for outcome in result.outcomes] == list(result.message.keys)
        assert all(outcome.kind is OutcomeKind.UNEXPECTED_ERROR for outcome in result.outcomes)
        assert result.is_done is (result.message.error is None and not result.outcomes)


def _sqs_record(at: int, body: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {"messageId": f"m{at}", "receiptHandle": "receipt", "attributes": attributes, "body": body}


@given(BODIES | st.dictionaries(FIELDS, VALUES).map(json.dumps))
def test_a_request_body_is_parsed_or_rejected_with_a_reason(body: str) -> None:
    with suppress(ApiError):
        parsed = request_models.read(request_models.SubmitBody, body)
        assert isinstance(parsed.image(), ValidatedImage | DeclaredImage)
