"""What holds for every input, not for examples."""

import json
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagescan.api import request_models
from imagescan.aws.s3_events import MalformedMessage, image_keys, s3_event_message
from imagescan.domain.errors import ApiError
from imagescan.domain.image import DeclaredImage, ValidatedImage, hash_from_key, validate_image
from imagescan.domain.image_header import ImageType, dimensions
from imagescan.domain.image_record import Failure, Image, Scan, Status, next_day
from imagescan.domain.labels import Label, normalized
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.domain.question import MatchedBy, Question, evaluate, match
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import (
    NEVER_UPLOADED,
    TIMED_OUT,
    ScanRequest,
    derive_answer,
    effective_deadline,
    with_answer,
)
from imagescan.use_cases.scan_batch import scan_batch
from imagescan.use_cases.scan_image import OutcomeKind
from testing.images import jpeg, png, segment

# A machine that is busy with other things is no fault of the code's.
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
def test_a_label_matches_when_one_of_its_names_does_and_it_is_confident(
    wanted: str, labels: list[Label], confidence: float
) -> None:
    fitting = [
        label
        for label in labels
        if label.confidence >= confidence and any(normalized(wanted) in names for names in all_names(label).values())
    ]
    assert match(wanted, labels, confidence).matched is bool(fitting)


@given(WORDS, LABELS, CONFIDENCES)
def test_the_closest_match_wins_and_then_the_most_confident(
    wanted: str, labels: list[Label], confidence: float
) -> None:
    found = match(wanted, labels, confidence).match
    if found is None:
        return
    assert found.label in labels
    assert normalized(wanted) in all_names(found.label)[found.matched_by]
    closer = list(MatchedBy)[: list(MatchedBy).index(found.matched_by)]
    for label in labels:
        if label.confidence >= confidence:
            assert not any(normalized(wanted) in all_names(label)[how] for how in closer)


@given(WORDS, LABELS, CONFIDENCES, CONFIDENCES)
def test_what_matches_matches_at_every_lower_confidence(
    wanted: str, labels: list[Label], one: float, other: float
) -> None:
    if match(wanted, labels, max(one, other)).matched:
        assert match(wanted, labels, min(one, other)).matched


@given(WORDS, LABELS, CONFIDENCES)
def test_neither_the_order_of_labels_nor_the_case_of_the_word_counts(
    wanted: str, labels: list[Label], confidence: float
) -> None:
    verdict = match(wanted, labels, confidence)
    again = match(f"  {wanted.swapcase()}\n", sorted(labels, key=lambda label: label.name), confidence)
    assert (verdict.match, verdict.closest_labels) == (again.match, again.closest_labels)


@given(WORDS, LABELS, CONFIDENCES)
def test_a_miss_names_at_most_three_labels_and_a_hit_none(wanted: str, labels: list[Label], confidence: float) -> None:
    verdict = match(wanted, labels, confidence)
    assert len(verdict.closest_labels) == (0 if verdict.matched else min(3, len(labels)))


# ---------------------------------------------------------------- derive_answer

CREATED = 1_000_000.0
DAYS = 4
SECONDS = st.floats(0, DAYS * DAY_SECONDS) | st.floats(0, 4 * 3600)
REQUESTS = st.builds(
    lambda wait, confidence, awaits_upload: ScanRequest(
        "r", "h", "k", Question(("cat",), confidence), CREATED, CREATED + wait, awaits_upload
    ),
    st.floats(0, 3600) | st.floats(0, DAY_SECONDS),
    CONFIDENCES,
    st.booleans(),
)
WRITTEN_AFTER = st.floats(0, GRACE_SECONDS, exclude_max=True)
REFUSALS = st.none() | st.just(Failure("image_invalid", "It cannot be read."))


@dataclass(frozen=True)
class History:
    """All that is ever written into an image's row, and when it lands there (epoch seconds).

    A lease comes first; the image may be put off on some days, and a scan may come last. A write lands a while after
    its time was taken, but sooner than the grace is over.
    """

    leased_at: float
    put_off: tuple[tuple[float, float], ...] = ()
    scan: Scan | None = None
    scan_lands_at: float = 0.0

    def at(self, now: float) -> Image | None:
        """The row as a strong read finds it."""
        deferred_at = tuple(at for at, lands_at in self.defer if lands_at <= now)
        if self.scan and self.scan_lands_at <= now:
            return Image("h", first_leased_at=self.leased_at, scan=self.scan, deferred_at=deferred_at)
        if now <= self.leased_at:
            return None
        return Image("h", 1, self.leased_at, lease_until=now + 1, deferred_at=deferred_at)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Scanned before the request was made, or after; nothing is put off once the terminal write has landed."""
    finished_at = CREATED + draw(st.floats(-3600, 4 * 3600) | st.floats(0, DAYS * DAY_SECONDS))
    scan = draw(st.none() | st.builds(_scan, st.just(finished_at), LABELS, REFUSALS))
    scan_lands_at = finished_at + draw(WRITTEN_AFTER)
    leased_at = finished_at - 5 - draw(st.just(0) | SECONDS) if scan else CREATED + 1
    waits = draw(st.lists(st.tuples(SECONDS, WRITTEN_AFTER), max_size=DAYS))
    put_off = ((leased_at + since, leased_at + since + after) for since, after in waits)
    possible = tuple((at, lands_at) for at, lands_at in put_off if scan is None or lands_at < scan_lands_at)
    return History(leased_at, possible, scan, scan_lands_at)


def _scan(at: float, labels: list[Label], failure: Failure | None) -> Scan:
    status = Status.FAILED if failure else Status.COMPLETED
    return Scan(status, at, () if failure else tuple(labels), failure=failure)


@given(REQUESTS, histories(), SECONDS, SECONDS)
def test_an_answer_once_given_is_given_ever_after(
    request: ScanRequest, history: History, one: float, other: float
) -> None:
    earlier, later = sorted((CREATED + one, CREATED + other))
    first = derive_answer(request, history.at(earlier), earlier)
    if first:
        assert derive_answer(request, history.at(later), later) == first


@given(REQUESTS, histories(), SECONDS, SECONDS)
def test_settling_changes_no_answer_whenever_it_comes(
    request: ScanRequest, history: History, one: float, other: float
) -> None:
    earlier, later = sorted((CREATED + one, CREATED + other))
    row = with_answer(request, history.at(earlier), earlier)
    if row:
        assert row == with_answer(row, None, later) == with_answer(row, history.at(later), later)
        assert row == with_answer(request, history.at(later), later)


@given(REQUESTS, histories(), SECONDS)
def test_no_request_waits_longer_than_its_deadline_and_the_grace(
    request: ScanRequest, history: History, more: float
) -> None:
    """A day without budget puts it off, and leaves it no longer than it had at first."""
    span = request.deadline - request.created_at
    latest = max([request.deadline, *(next_day(at) + span for at, _ in history.defer)])
    now = latest + GRACE_SECONDS + 1 + more
    assert derive_answer(request, history.at(now), now)
    assert request.deadline <= effective_deadline(request, history.at(now)) <= latest


@given(REQUESTS, histories(), SECONDS)
def test_a_request_does_not_time_out_while_its_image_waits_for_budget(
    request: ScanRequest, history: History, after: float
) -> None:
    now = CREATED + after
    image = history.at(now)
    if image and image.is_deferred(now) and max(image.deferred_at) <= request.deadline and not image.scan:
        assert derive_answer(request, image, now) is None


@given(REQUESTS, histories(), st.floats())
def test_every_request_is_pending_or_has_one_kind_of_answer(request: ScanRequest, history: History, now: float) -> None:
    scan = history.scan
    answer = derive_answer(request, Image("h", scan=scan), now)
    if answer is None:
        assert scan is None
    elif answer.status is Status.COMPLETED:
        assert scan
        assert answer.verdict == evaluate(request.question, scan.labels)
        assert answer.failure is None
    else:
        assert answer.verdict is None
        too_late = NEVER_UPLOADED if request.awaits_upload else TIMED_OUT
        assert answer.failure in (too_late, scan.failure if scan else too_late)


# ---------------------------------------------------------------- headers of images

SIDES = st.integers(1, 0xFFFF)
BARE_MARKERS = st.sampled_from([0x01, *range(0xD0, 0xD8)]).map(lambda marker: bytes((0xFF, marker)))
FILL = st.integers(1, 5).map(lambda count: b"\xff" * count)
SEGMENTS = st.builds(
    segment, st.sampled_from([0xC4, 0xC8, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE]), st.binary(max_size=200)
)
# As an EXIF segment does: a whole small picture inside.
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
def test_the_size_is_that_of_the_frame_whatever_stands_before_it(image: tuple[bytes, tuple[int, int]]) -> None:
    content, sides = image
    assert dimensions(content, type_of(content)) == sides


@given(IMAGES, st.data())
def test_an_image_cut_short_is_refused_or_has_its_right_size(
    image: tuple[bytes, tuple[int, int]], data: st.DataObject
) -> None:
    content, sides = image
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert dimensions(cut, type_of(content)) in (None, sides)


@given(st.sampled_from(ImageType), st.binary(max_size=300))
def test_no_bytes_crash_the_reading_of_a_header(image_type: ImageType, content: bytes) -> None:
    signature = {ImageType.JPEG: b"\xff\xd8\xff", ImageType.PNG: b"\x89PNG\r\n\x1a\n"}[image_type]
    for each in (content, signature + content):
        found = dimensions(each, image_type)
        assert found is None or min(found) > 0


@given(st.sampled_from(ImageType), st.binary(max_size=300) | IMAGES.map(lambda image: image[0]))
def test_bytes_are_taken_for_an_image_or_refused_with_a_reason(image_type: ImageType, content: bytes) -> None:
    with suppress(ApiError):
        taken = validate_image(content, image_type)
        assert 80 <= min(taken.width, taken.height) <= max(taken.width, taken.height) <= 10_000
        assert struct.pack(">H", taken.height) in content
        assert hash_from_key(taken.key) == taken.hash


# ---------------------------------------------------------------- what comes from outside

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
def test_a_message_is_read_or_is_poison(body: str) -> None:
    with suppress(MalformedMessage):
        keys = image_keys(body)
        assert len(set(keys)) == len(keys)
        assert all(hash_from_key(key) for key in keys)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["jpg", "png"]))
def test_what_is_announced_is_read_back(digest: bytes, extension: str) -> None:
    key = f"images/{digest.hex()}.{extension}"
    assert image_keys(s3_event_message(key)) == [key]


@given(st.lists(BODIES, max_size=4))
def test_every_message_of_a_batch_is_judged_by_itself(texts: list[str]) -> None:
    def scan(key: str) -> Any:
        raise RuntimeError(key)

    messages = [ScanMessage(f"m{number}", "receipt", body, 1) for number, body in enumerate(texts)]
    judged = scan_batch(messages, scan)
    assert [each.message for each in judged] == messages
    for each in judged:
        assert all(outcome.result is OutcomeKind.UNEXPECTED_ERROR for outcome in each.outcomes)
        assert each.is_done is (each.poison is None and not each.outcomes)


@given(BODIES | st.dictionaries(FIELDS, VALUES).map(json.dumps))
def test_a_body_is_read_or_refused_with_a_reason(body: str) -> None:
    with suppress(ApiError):
        sent = request_models.read(request_models.SubmitBody, body)
        assert isinstance(sent.image(), ValidatedImage | DeclaredImage)
