"""Scenarios: a few requests each, with the faults that could affect them."""

import json
from dataclasses import replace
from typing import Any

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.content import content_item_key, content_scan
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import IMAGE_INVALID
from imagescan.domain.image_record import Possession, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS, ITEM_MARGIN_SECONDS
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from tests.model_checking.actors import RETENTION_SECONDS, TIMEOUT_SECONDS, Submit
from tests.model_checking.detector import shown
from tests.model_checking.faults import Fault
from tests.model_checking.state import Scenario
from tests.model_checking.system_state import (
    CONTENT_HASHES,
    CONTENT_LABELS,
    A,
    B,
    C,
    D,
    E,
    ImageItem,
    PurgeMark,
    Submission,
    SystemState,
    Table,
    Version,
    key_for,
)

ONE_REQUEST = (Submission(A, "cat"),)
TWO_REQUESTS = (Submission(A, "cat"), Submission(A, "dog"))
DIRECT_UPLOAD = (Submission(A, "cat", is_direct=True),)
REPEATED_KEY = (Submission(A, "cat", key="k"),) * 2

AFTER_LEASE = 95.0  # and after the timeout of every function
AFTER_REQUEUE_DELAY = REQUEUE_AFTER_SECONDS + 5
AFTER_PURGE_DELAY = PURGE_DELAY_SECONDS + 5
BEFORE_DEADLINE, AFTER_DEADLINE = TIMEOUT_SECONDS - 4, TIMEOUT_SECONDS + 4
BEFORE_GRACE_ENDS, AFTER_GRACE = BEFORE_DEADLINE + GRACE_SECONDS, AFTER_DEADLINE + GRACE_SECONDS
AROUND_DEADLINE = (0, BEFORE_DEADLINE, AFTER_DEADLINE, BEFORE_GRACE_ENDS, AFTER_GRACE)

# Before the next daily quota: the deadline and the grace period end before midnight, or midnight comes first.
EVENING, NIGHT = DAY_SECONDS - 6000, DAY_SECONDS - 20
AROUND_MIDNIGHT = (EVENING, EVENING + AFTER_DEADLINE, EVENING + AFTER_GRACE, DAY_SECONDS + 5)
ONE_TIMEOUT_BEFORE_MIDNIGHT = NIGHT + 10 - TIMEOUT_SECONDS

# A long index delay is separate: only a purge waits long enough for it to matter.
ANY_FAULT = tuple(fault for fault in Fault if fault is not Fault.INDEX_DELAYED)
TIMING_FAULTS = (Fault.CRASH, Fault.MESSAGE_LOST, Fault.INDEX_STALE, Fault.RETRIED)


def each(times: int, *faults: Fault) -> tuple[tuple[Fault, int], ...]:
    """Return a limit of ``times`` for each of these faults."""
    return tuple((fault, times) for fault in faults)


# A message that cannot be parsed, and the test event that S3 sends to a new notification target.
MALFORMED, S3_TEST_EVENT = "not JSON", json.dumps({"Event": "s3:TestEvent"})

MARK = PurgeMark(0.0, 0.0)
# The state after a deletion at 0 s: the image of the request is scanned and marked for purging.
MARKED_FOR_PURGE = SystemState(
    0.0,
    images=Table(
        {A: ImageItem(scan=Scan(Status.COMPLETED, 0.0, (Label(CONTENT_LABELS[A], 97.0),), "3.0"), purge_mark=MARK)}
    ),
    objects=Table({key_for(A): (Version(A, "deleted"),)}),
    billed_calls=Table({A: 1}),
)
# The same image after it was marked, but without a result: its only attempt is used up.
OUT_OF_ATTEMPTS = MARKED_FOR_PURGE._replace(
    images=Table({A: ImageItem(attempts=frozenset({"earlier"}), first_leased_at=0, purge_mark=MARK)}),
    billed_calls=Table(),
)


def exhausted(*times: float) -> SystemState:
    """Return a state in which the attempts of an image were exhausted at these times."""
    item = ImageItem(
        attempts=frozenset({"earlier"}), first_leased_at=0, exhausted_at=frozenset(times), is_exhausted=True
    )
    return SystemState(0.0, images=Table({A: item}), objects=Table({key_for(A): (Version(A, "earlier"),)}))


# A request for that image, created at 0 s and not settled.
PENDING_REQUEST = Submit(0, Submission(A, "cat"), 0.0).request
DIRECT_REQUEST = Submit(0, Submission(A, "cat", is_direct=True), 0.0).request


def _lost_messages(*submissions: Submission) -> SystemState:
    """Return the state after these requests were submitted at 0 s and the messages of their images were lost."""
    requests = [Submit(number, submission, 0.0).request for number, submission in enumerate(submissions)]
    return SystemState(
        0.0,
        requests=Table({request.id: request for request in requests}),
        objects=Table(
            {each.image_key: (Version(each.image_hash, each.id),) for each in requests if not each.awaits_upload}
        ),
    )


# A request that was accepted at 0 s. Its image was rejected, but the request was not settled.
REJECTED_IMAGE = _lost_messages(Submission(A, "cat"))._replace(
    images=Table({A: ImageItem(first_leased_at=0, scan=Scan(Status.FAILED, 0.0, failure=IMAGE_INVALID))}),
    billed_calls=Table({A: 1}),
)
# A request that was accepted at 0 s. Its image is in the queue.
ACCEPTED_REQUEST: dict[str, Any] = {
    "initial_system": _lost_messages(Submission(A, "cat")),
    "initial_messages": (s3_event_message(key_for(A)),),
}
LOST_MESSAGES = _lost_messages(Submission(A, "cat"), Submission(B, "cat"))
# Two abandoned submissions fill the first page of the index until their deadline.
LOST_MESSAGE_ON_PAGE_TWO = _lost_messages(
    Submission(B, "cat", is_direct=True), Submission(B, "dog", is_direct=True), Submission(A, "cat")
)

# Two abandoned submissions by hash fill the first page. The upload of a third one for the same image arrived.
_BY_HASH = _lost_messages(*(Submission(A, "cat", is_direct=True),) * 3)
UPLOAD_ON_PAGE_TWO = _BY_HASH._replace(objects=Table({_BY_HASH.requests["r2"].image_key: (Version(A, "r2"),)}))

# Ann's image was scanned for her and is not marked. Bob knows its hash and waits for his upload.
ANN, BOB = Submission(A, "cat", owner="ann"), Submission(A, "cat", is_direct=True, owner="bob")
_ANNS_SCAN = Scan(Status.COMPLETED, 0.0, (Label(CONTENT_LABELS[A], 97.0),), "3.0", scanned_for="ann", owner="ann")
BOB_KNOWS_THE_HASH = _lost_messages(BOB)._replace(
    images=Table({A: ImageItem(first_leased_at=0, scan=_ANNS_SCAN, granted_at=0.0, purge_guard=1)}),
    possessions=Table({f"{A}/ann": Possession("ann", A, 0.0, "ann")}),
    objects=Table({key_for(A): (Version(A, "ann"),)}),
    billed_calls=Table({A: 1}),
)
ANN_DELETED = BOB_KNOWS_THE_HASH._replace(
    images=Table({A: BOB_KNOWS_THE_HASH.images[A]._replace(purge_mark=MARK, purge_guard=2)}),
    deleted_requests=Table({"ann": Submit(0, ANN, 0.0).request}),
    requests=Table(),
)

# Image A was scanned at 0 s for an earlier request, and Bob sent it. Their items expire unless they are used.
EXPIRY = float(RETENTION_SECONDS + ITEM_MARGIN_SECONDS)
_EARLIER_SCAN = Scan(Status.COMPLETED, 0.0, (Label(CONTENT_LABELS[A], 97.0),), "3.0")
SCANNED_EARLIER = SystemState(
    0.0,
    images=Table({A: ImageItem(first_leased_at=0, scan=_EARLIER_SCAN, expires_at=EXPIRY)}),
    objects=Table({key_for(A): (Version(A, "earlier"),)}),
    billed_calls=Table({A: 1}),
    retention_seconds=RETENTION_SECONDS,
)
SENT_EARLIER = SystemState(
    0.0,
    possessions=Table({f"{A}/bob": Possession("bob", A, 0.0, "earlier", EXPIRY)}),
    retention_seconds=RETENTION_SECONDS,
)
AROUND_EXPIRY = (EXPIRY - 5, EXPIRY + 200)

# A request for labels and text, which was accepted at 0 s, and whose image has its own object.
BOTH = Submission(A, "cat", features=(Feature.LABELS, Feature.TEXT))
_BOTH_ACCEPTED = _lost_messages(BOTH)
_OWN_KEY = _BOTH_ACCEPTED.requests["r0"].image_key
ACCEPTED_FOR_BOTH: dict[str, Any] = {
    "initial_system": _BOTH_ACCEPTED,
    "initial_messages": (s3_event_message(_OWN_KEY),),
}
TEXT_BY_HASH = Submission(A, "cat", is_direct=True, features=(Feature.TEXT,))
_BOTH_SCANNED = Table(
    {
        item_key(A, feature): ImageItem(
            first_leased_at=0,
            scan=Scan(
                Status.COMPLETED, 0.0, (shown(A, feature),), "3.0", scanned_for="ann", owner="ann", feature=feature
            ),
        )
        for feature in (Feature.LABELS, Feature.TEXT)
    }
)
# Ann deleted her request for labels and text at 0 s.
BOTH_DELETED = ANN_DELETED._replace(
    images=_BOTH_SCANNED.with_item(A, _BOTH_SCANNED[A]._replace(purge_mark=MARK, granted_at=0.0, purge_guard=2)),
    billed_calls=Table(dict.fromkeys(_BOTH_SCANNED, 1)),
)

# Two files with the same content.
_CONTENT = content_item_key(CONTENT_HASHES[C], Feature.LABELS)
TWO_FILES = (Submission(C, "cat"), Submission(D, "cat"))
_TWO_ACCEPTED = _lost_messages(*TWO_FILES)
ACCEPTED_TWO_FILES: dict[str, Any] = {
    "initial_system": _TWO_ACCEPTED,
    "initial_messages": (s3_event_message(key_for(C)), s3_event_message(key_for(D))),
}
# Ann's file C was scanned for her.
_SCAN_OF_C = replace(_ANNS_SCAN, content_hash=CONTENT_HASHES[C])
_SCAN_OF_CONTENT = content_scan(_SCAN_OF_C, C)
CONTENT_SCANNED = SystemState(
    0.0,
    images=Table(
        {
            C: ImageItem(first_leased_at=0, scan=_SCAN_OF_C, granted_at=0.0, purge_guard=1),
            _CONTENT: ImageItem(first_leased_at=0, scan=_SCAN_OF_CONTENT),
        }
    ),
    possessions=Table({f"{C}/ann": Possession("ann", C, 0.0, "ann")}),
    objects=Table({key_for(C): (Version(C, "ann"),)}),
    billed_calls=Table({_CONTENT: 1}),
)
_MARKED_C = CONTENT_SCANNED.images[C]._replace(purge_mark=MARK, purge_guard=2)
FILE_DELETED = CONTENT_SCANNED._replace(
    images=CONTENT_SCANNED.images.with_item(C, _MARKED_C),
    deleted_requests=Table({"ann": Submit(0, Submission(C, "cat", owner="ann"), 0.0).request}),
)


_TWO_FILES_FOR_BOTH = _lost_messages(BOTH._replace(image=C), BOTH._replace(image=D))


def _with_pending(system: SystemState, *submissions: Submission) -> SystemState:
    """Return the state with these requests as well, whose messages were lost."""
    lost = _lost_messages(*submissions)
    return system._replace(requests=lost.requests, objects=Table({**system.objects, **lost.objects}))


QUICK_SCENARIOS = (
    Scenario("two requests for one image", TWO_REQUESTS, instants=(0, AFTER_LEASE), polls=1),
    Scenario(
        "a slow scanner",
        (Submission(A, "dog"),),
        each(1, Fault.LEASE_EXPIRED_EARLY),
        instants=(0, 50),
        **ACCEPTED_REQUEST,
    ),
    Scenario("two requests, one crash", TWO_REQUESTS, each(1, Fault.CRASH)),
    Scenario("one request, two faults", ONE_REQUEST, each(2, *ANY_FAULT), max_faults=2),
    Scenario(
        "one request, one fault, one sweep",
        ONE_REQUEST,
        each(1, *ANY_FAULT),
        max_faults=1,
        instants=(0, AFTER_REQUEUE_DELAY),
        sweeps=1,
    ),
    Scenario(
        "the deadline passes",
        (),
        each(1, *TIMING_FAULTS),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
        **ACCEPTED_REQUEST,
    ),
    Scenario(
        "second request after the deadline",
        TWO_REQUESTS,
        each(1, Fault.MESSAGE_LOST),
        instants=(0, AFTER_DEADLINE, AFTER_GRACE),
    ),
    Scenario(
        "two images in one batch",
        (Submission(A, "cat"), Submission(B, "cat")),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        batches=True,
    ),
    Scenario(
        "direct upload", DIRECT_UPLOAD, each(1, *ANY_FAULT), max_faults=1, instants=(0, AFTER_REQUEUE_DELAY), sweeps=1
    ),
    Scenario(
        "direct upload at the deadline",
        DIRECT_UPLOAD,
        each(1, Fault.OBJECT_DELETED, Fault.RESPONSE_LOST),
        max_faults=2,
        instants=AROUND_DEADLINE,
    ),
    Scenario(
        "a late message without bytes",
        (),
        instants=AROUND_DEADLINE,
        initial_messages=(s3_event_message(key_for(A)),),
        initial_system=_lost_messages(*DIRECT_UPLOAD)._replace(images=Table({A: ImageItem(first_leased_at=0)})),
    ),
    Scenario(
        "direct upload and posted bytes",
        (*DIRECT_UPLOAD, Submission(A, "dog")),
        each(1, Fault.CRASH),
        instants=(0, AFTER_LEASE),
    ),
    Scenario("repeated idempotency key", REPEATED_KEY, each(1, Fault.CRASH, Fault.RESPONSE_LOST, Fault.RETRIED), 1),
    Scenario("malformed and test messages", ONE_REQUEST, initial_messages=(MALFORMED, S3_TEST_EVENT)),
    Scenario(
        "attempts are exhausted",
        (),
        each(2, Fault.CRASH, Fault.DETECTION_TIMEOUT, Fault.THROTTLED, Fault.RETRIED),
        max_faults=2,
        instants=(0, AFTER_LEASE),
        max_attempts=2,
        max_receives=4,
        **ACCEPTED_REQUEST,
    ),
    Scenario(
        "two concurrent sweepers",
        ONE_REQUEST,
        each(1, Fault.MESSAGE_LOST, Fault.CRASH),
        max_faults=2,
        instants=(0, AFTER_REQUEUE_DELAY),
        sweeps=2,
    ),
    Scenario(
        "the daily quota is used up",
        ONE_REQUEST,
        each(1, Fault.CRASH, Fault.MESSAGE_LOST, Fault.RETRIED, Fault.RESPONSE_LOST, Fault.THROTTLED),
        max_faults=1,
        instants=AROUND_MIDNIGHT,
        sweeps=1,
        daily_rekognition_limit=1,
    ),
    Scenario(
        "midnight passes during two deliveries",
        ONE_REQUEST,
        each(1, Fault.LEASE_EXPIRED_EARLY, Fault.DUPLICATE_DELIVERY),
        instants=(ONE_TIMEOUT_BEFORE_MIDNIGHT, NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
    ),
    Scenario(
        "two images, one call per day",
        (Submission(A, "cat"), Submission(B, "cat")),
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
    ),
    Scenario(
        "two concurrent sweepers of two images",
        (),
        each(1, Fault.CRASH, Fault.RESPONSE_LOST),
        max_faults=1,
        instants=(AFTER_REQUEUE_DELAY,),
        sweeps=2,
        initial_system=LOST_MESSAGES,
    ),
    Scenario(
        "sweeps that run out of time",
        (),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST, Fault.INDEX_EMPTY, Fault.INDEX_STALE),
        max_faults=1,
        instants=(UPLOAD_URL_SECONDS + 5,),
        sweeps=2,
        pages_per_sweep=1,
        initial_system=LOST_MESSAGE_ON_PAGE_TWO,
    ),
    Scenario(
        "a malformed request next to healthy ones",
        (),
        each(1, Fault.FAILED, Fault.CRASH),
        max_faults=1,
        instants=(AFTER_REQUEUE_DELAY,),
        sweeps=1,
        initial_system=LOST_MESSAGES._replace(malformed_requests=frozenset({"r"})),
    ),
    Scenario(
        "a malformed image next to a healthy one",
        (),
        each(1, Fault.FAILED, Fault.CRASH),
        max_faults=1,
        instants=(AFTER_REQUEUE_DELAY,),
        sweeps=1,
        initial_system=LOST_MESSAGES._replace(malformed_images=frozenset({B})),
    ),
    Scenario("deletion during a scan", TWO_REQUESTS, deletes=1),
    Scenario(
        "resubmitted image after the purge delay",
        ONE_REQUEST,
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE,
    ),
    Scenario(
        "resubmitted image, two sweepers",
        ONE_REQUEST,
        instants=(AFTER_PURGE_DELAY,),
        sweeps=2,
        deletes=1,
        purge_runs=2,
        initial_system=MARKED_FOR_PURGE,
    ),
    Scenario(
        "resubmitted image while another request is deleted",
        ONE_REQUEST,
        instants=(AFTER_PURGE_DELAY,),
        deletes=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE._replace(
            images=Table({A: ImageItem(purge_mark=MARK)}),
            requests=Table({"r0": PENDING_REQUEST}),
            billed_calls=Table(),
        ),
    ),
    Scenario(
        "resubmitted image, one fault",
        ONE_REQUEST,
        each(1, Fault.CRASH, Fault.RESPONSE_LOST, Fault.RETRIED, Fault.INDEX_STALE, Fault.INDEX_DELAYED),
        max_faults=1,
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE,
    ),
    Scenario(
        "direct upload after its request was deleted",
        (),
        each(1, Fault.CRASH),
        max_faults=1,
        instants=(0, UPLOAD_URL_SECONDS, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        initial_system=_lost_messages(Submission(A, "cat", is_direct=True)),
    ),
    Scenario(
        "slow upload after its request was deleted",
        (),
        instants=(0, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        slow_uploads=True,
        initial_system=_lost_messages(Submission(A, "cat", is_direct=True)),
    ),
    Scenario(
        "late upload of a scanned image, after its request was deleted",
        (),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE._replace(
            images=Table({A: ImageItem(scan=Scan(Status.COMPLETED, 0.0, (Label(CONTENT_LABELS[A], 97.0),), "3.0"))}),
            objects=Table(),
            deleted_requests=Table({"r0": DIRECT_REQUEST}),
        ),
    ),
    Scenario("repeated idempotency key after a deletion", REPEATED_KEY, deletes=1),
    Scenario("one key for two images", (Submission(A, "cat", key="k"), Submission(B, "cat", key="k"))),
    Scenario(
        "two requests by hash on two pages",
        (),
        instants=(UPLOAD_URL_SECONDS + 5,),
        sweeps=1,
        initial_system=UPLOAD_ON_PAGE_TWO,
    ),
    Scenario(
        "the request of a stored object was deleted",
        (),
        each(1, Fault.CRASH, Fault.FAILED, Fault.INDEX_STALE, Fault.INDEX_EMPTY),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        purge_runs=1,
        max_receives=7,
        initial_messages=(s3_event_message(key_for(A)),),
        initial_system=SystemState(
            0.0,
            images=Table({A: ImageItem(purge_mark=MARK)}),
            objects=Table({key_for(A): (Version(A, "r0"),)}),
            deleted_requests=Table({"r0": PENDING_REQUEST}),
        ),
    ),
    Scenario(
        "deletion, sweep and submission of one image",
        ONE_REQUEST,
        polls=1,
        sweeps=1,
        deletes=1,
        purge_runs=1,
        initial_system=SystemState(0.0, requests=Table({"r0": PENDING_REQUEST}), objects=MARKED_FOR_PURGE.objects),
    ),
    Scenario(
        "poll during a purge",
        (),
        instants=(AFTER_GRACE,),
        sweeps=1,
        polls=1,
        deletes=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE._replace(requests=Table({"r0": PENDING_REQUEST})),
    ),
    Scenario(
        "poll during a purge and a new scan",
        (Submission(A, "dog"),),
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        polls=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE._replace(requests=Table({"r0": PENDING_REQUEST})),
    ),
    Scenario(
        "a later request reopens an exhausted image",
        TWO_REQUESTS,
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(0, AFTER_LEASE),
        max_attempts=1,
    ),
    Scenario(
        "an exhaustion races with a late result",
        (Submission(A, "dog"),),
        each(1, Fault.LEASE_EXPIRED_EARLY),
        instants=(0, 50),
        max_attempts=1,
        **ACCEPTED_REQUEST,
    ),
    Scenario(
        "the deadline passes before an exhaustion",
        ONE_REQUEST,
        each(1, Fault.DETECTION_TIMEOUT, Fault.CRASH),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
        max_attempts=1,
    ),
    Scenario(
        "two submissions reopen an image",
        TWO_REQUESTS,
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(100,),
        max_attempts=1,
        initial_system=exhausted(0, 1, 2),
    ),
    Scenario(
        "a late delivery finds a reopened image",
        (Submission(A, "dog"),),
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(0, 50),
        max_attempts=1,
        initial_messages=(s3_event_message(key_for(A)),) * 2,
        initial_system=OUT_OF_ATTEMPTS._replace(
            images=Table({A: ImageItem(attempts=frozenset({"earlier"}), first_leased_at=0)})
        ),
        initial_attempts=1,
    ),
    Scenario(
        "the sweeper reopens an image on the next day",
        ONE_REQUEST,
        each(1, Fault.CRASH, Fault.RETRIED, Fault.RESPONSE_LOST),
        max_faults=1,
        instants=(NIGHT, DAY_SECONDS + 5, DAY_SECONDS + AFTER_REQUEUE_DELAY),
        sweeps=1,
        max_attempts=1,
        initial_system=exhausted(0, 1, 2, 3),
    ),
    Scenario(
        "the attempts of an image are exhausted during its purge",
        ONE_REQUEST,
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        max_attempts=1,
        initial_system=OUT_OF_ATTEMPTS,
        initial_attempts=1,
    ),
    Scenario("two owners of one image", (ANN, BOB)),
    Scenario(
        "an owner knows the hash of another one's image",
        (),
        each(1, Fault.MESSAGE_LOST, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=(0, AFTER_REQUEUE_DELAY),
        sweeps=1,
        polls=1,
        initial_system=BOB_KNOWS_THE_HASH,
    ),
    Scenario(
        "an owner uploads another one's image around the deadline",
        (),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
        slow_uploads=True,
        initial_system=BOB_KNOWS_THE_HASH,
    ),
    Scenario(
        "an owner deletes a request for another one's image",
        (),
        instants=(0, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        slow_uploads=True,
        initial_system=BOB_KNOWS_THE_HASH,
    ),
    Scenario(
        "an owner uploads an image that is being purged for another one",
        (BOB,),
        each(1, Fault.INDEX_DELAYED, Fault.INDEX_STALE),
        max_faults=1,
        instants=(AFTER_PURGE_DELAY,),
        polls=1,
        purge_runs=1,
        initial_system=ANN_DELETED,
    ),
    Scenario(
        "an owner waits for an image that is purged for another one",
        (),
        instants=(AFTER_PURGE_DELAY,),
        polls=1,
        purge_runs=1,
        initial_system=ANN_DELETED._replace(
            requests=BOB_KNOWS_THE_HASH.requests,
            possessions=Table({f"{A}/bob": Possession("bob", A, 0.0, "r0")}),
            objects=Table({BOB_KNOWS_THE_HASH.requests["r0"].image_key: (Version(A, "r0"),)}),
        ),
    ),
    Scenario(
        "an owner who sent an image that was purged submits its hash",
        (),
        instants=AROUND_DEADLINE,
        polls=1,
        slow_uploads=True,
        initial_system=_lost_messages(BOB)._replace(
            images=Table({A: ImageItem(granted_at=0, purge_guard=1)}),
            possessions=Table({f"{A}/bob": Possession("bob", A, 0.0, "earlier")}),
        ),
    ),
    Scenario(
        "an owner uploads a deferred image around the deadline",
        (),
        instants=AROUND_DEADLINE,
        polls=1,
        slow_uploads=True,
        initial_system=_lost_messages(BOB)._replace(
            images=Table({A: ImageItem(first_leased_at=0, deferred_at=frozenset({5.0}))})
        ),
    ),
    Scenario(
        "an owner deletes a request during its scan",
        (),
        each(1, Fault.CRASH),
        instants=(0, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        initial_system=_lost_messages(BOB),
    ),
    Scenario(
        "the attempts of another one's image are exhausted",
        (),
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(0, AFTER_LEASE),
        sweeps=1,
        max_attempts=1,
        initial_system=_lost_messages(BOB)._replace(
            images=Table({A: ImageItem(frozenset({"earlier"}), 0, exhausted_at=frozenset({0.0}), is_exhausted=True)}),
        ),
    ),
    Scenario(
        "attempts back off",
        ONE_REQUEST,
        each(3, Fault.DETECTION_TIMEOUT),
        instants=(0, 30, 65, 370, 1300),
        sweeps=1,
        max_receives=5,
    ),
    Scenario(
        "an image expires",
        TWO_REQUESTS,
        each(1, Fault.EXPIRED),
        instants=AROUND_EXPIRY,
        initial_system=SCANNED_EARLIER,
    ),
    Scenario(
        "the possession of an image expires",
        (BOB, ANN),
        each(1, Fault.EXPIRED),
        instants=AROUND_EXPIRY,
        initial_system=SENT_EARLIER,
    ),
    Scenario(
        "a caller submits more images than the daily limit",
        (ANN, ANN._replace(image=B)),
        each(1, Fault.RESPONSE_LOST, Fault.FAILED),
        max_faults=1,
        daily_limit_per_caller=1,
    ),
    Scenario(
        "a rejected image is scanned again",
        (Submission(A, "dog"),),
        each(1, Fault.INDEX_STALE),
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        polls=1,
        rescans=(IMAGE_INVALID.code,),
        initial_system=REJECTED_IMAGE,
    ),
    Scenario(
        "two features of one image",
        (),
        each(1, *ANY_FAULT),
        max_faults=1,
        **ACCEPTED_FOR_BOTH,
    ),
    Scenario(
        "requests for different features",
        (BOTH,),
        each(1, Fault.CRASH, Fault.INDEX_EMPTY, Fault.INDEX_STALE),
        max_faults=1,
        **ACCEPTED_REQUEST,
    ),
    Scenario(
        "one of two features fails",
        (),
        each(1, Fault.IMAGE_REJECTED, Fault.THROTTLED, Fault.DETECTION_TIMEOUT, Fault.DUPLICATE_DELIVERY),
        max_faults=2,
        instants=(0, AFTER_LEASE),
        polls=1,
        max_attempts=1,
        **ACCEPTED_FOR_BOTH,
    ),
    Scenario(
        "the deadline of two features passes",
        (),
        each(1, *TIMING_FAULTS, Fault.THROTTLED),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
        **ACCEPTED_FOR_BOTH,
    ),
    Scenario(
        "two features, one call per day",
        (),
        each(1, Fault.DETECTION_TIMEOUT, Fault.RESPONSE_LOST),
        max_faults=1,
        instants=(NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
        initial_messages=(s3_event_message(_OWN_KEY),),
        initial_system=SystemState(
            0.0,
            requests=Table({"r0": Submit(0, BOTH, NIGHT).request}),
            objects=Table({_OWN_KEY: (Version(A, "r0"),)}),
        ),
    ),
    Scenario(
        "the message of an image is lost after its first feature",
        (),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=(AFTER_REQUEUE_DELAY,),
        sweeps=1,
        initial_system=_BOTH_ACCEPTED._replace(
            images=Table({A: ImageItem(first_leased_at=0, scan=_EARLIER_SCAN)}), billed_calls=Table({A: 1})
        ),
    ),
    Scenario(
        "an image with two features is purged",
        (),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST),
        max_faults=1,
        instants=(AFTER_PURGE_DELAY,),
        purge_runs=1,
        initial_system=BOTH_DELETED,
    ),
    Scenario(
        "an owner uploads an image with two features that is being purged",
        (BOTH._replace(owner="bob", is_direct=True),),
        instants=(AFTER_PURGE_DELAY,),
        polls=1,
        purge_runs=1,
        initial_system=BOTH_DELETED,
    ),
    Scenario(
        "a request by hash for another feature",
        (TEXT_BY_HASH._replace(owner="ann"),),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST, Fault.MESSAGE_LOST, Fault.OBJECT_DELETED),
        max_faults=1,
        sweeps=1,
        instants=(0, AFTER_REQUEUE_DELAY),
        initial_system=BOB_KNOWS_THE_HASH._replace(requests=Table()),
    ),
    Scenario(
        "an owner knows the hash of an image that was scanned for another feature",
        (TEXT_BY_HASH._replace(owner="bob"),),
        each(1, Fault.CRASH),
        polls=1,
        initial_system=BOB_KNOWS_THE_HASH._replace(requests=Table()),
    ),
    Scenario(
        "the request of an own object was deleted",
        (BOTH._replace(features=(Feature.TEXT,)),),
        initial_messages=(s3_event_message(_OWN_KEY),),
        initial_system=SystemState(
            0.0,
            objects=Table({_OWN_KEY: (Version(A, "r0"),)}),
            deleted_requests=_BOTH_ACCEPTED.requests,
        ),
    ),
    Scenario("two files with one content", TWO_FILES, instants=(0, AFTER_LEASE)),
    Scenario(
        "two files with one content, one fault",
        (),
        each(1, *ANY_FAULT),
        max_faults=1,
        instants=(0, AFTER_LEASE),
        **ACCEPTED_TWO_FILES,
    ),
    Scenario(
        "two files with one content in one batch",
        (),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST),
        max_faults=1,
        batches=True,
        **ACCEPTED_TWO_FILES,
    ),
    Scenario(
        "the attempts of a content are exhausted",
        (Submission(D, "dog"),),
        each(1, Fault.DETECTION_TIMEOUT),
        max_attempts=1,
        **ACCEPTED_TWO_FILES,
    ),
    Scenario(
        "a file whose content is exhausted is submitted",
        (Submission(D, "cat"),),
        each(1, Fault.DETECTION_TIMEOUT, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST, Fault.RETRIED),
        max_faults=1,
        instants=(5,),
        max_attempts=1,
        initial_system=SystemState(0.0, images=Table({_CONTENT: exhausted(0).images[A]})),
    ),
    Scenario(
        "two files with one content back off",
        (),
        each(1, Fault.DETECTION_TIMEOUT),
        instants=(0, 30, 65),
        max_receives=4,
        **ACCEPTED_TWO_FILES,
    ),
    Scenario(
        "two files with one content, one call per day",
        (),
        each(1, Fault.RESPONSE_LOST, Fault.CRASH),
        max_faults=1,
        instants=(NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
        initial_messages=ACCEPTED_TWO_FILES["initial_messages"],
        initial_system=_TWO_ACCEPTED._replace(
            requests=Table({f"r{at}": Submit(at, each, NIGHT).request for at, each in enumerate(TWO_FILES)})
        ),
    ),
    Scenario(
        "a file whose content was scanned is posted",
        (Submission(D, "cat", key="r0"), Submission(D, "dog")),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST, Fault.RETRIED),
        max_faults=1,
        polls=1,
        initial_system=_with_pending(CONTENT_SCANNED, Submission(D, "cat", key="r0")),
        initial_messages=(s3_event_message(key_for(D)),),
    ),
    Scenario(
        "a scan is copied around the deadline",
        (),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
        initial_system=_with_pending(CONTENT_SCANNED, Submission(D, "cat")),
        initial_messages=(s3_event_message(key_for(D)),),
    ),
    Scenario(
        "another owner sends a file with the same content",
        (Submission(D, "cat", owner="bob"), Submission(D, "cat", is_direct=True, owner="ann")),
        polls=1,
        initial_system=CONTENT_SCANNED,
    ),
    Scenario(
        "one of two files with one content is deleted",
        (),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        initial_system=_with_pending(CONTENT_SCANNED, Submission(D, "cat", is_direct=True)),
    ),
    Scenario(
        "the file that was scanned is purged",
        (Submission(D, "cat"),),
        each(1, Fault.CRASH, Fault.FAILED),
        max_faults=1,
        instants=(AFTER_PURGE_DELAY,),
        polls=1,
        purge_runs=1,
        initial_system=FILE_DELETED,
    ),
    Scenario(
        "an interrupted scan of a file that is deleted",
        (),
        each(1, Fault.CRASH, Fault.FAILED, Fault.RESPONSE_LOST),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        deletes=1,
        purge_runs=1,
        max_receives=4,
        initial_system=_lost_messages(Submission(C, "cat", is_direct=True)),
    ),
    Scenario(
        "two features of one content",
        (),
        each(1, Fault.CRASH, Fault.IMAGE_REJECTED, Fault.DETECTION_TIMEOUT),
        max_faults=1,
        initial_system=_TWO_FILES_FOR_BOTH,
        initial_messages=tuple(map(s3_event_message, _TWO_FILES_FOR_BOTH.objects)),
    ),
    Scenario(
        "a client claims the content of another image",
        (
            Submission(E, "cat", is_direct=True, claimed=CONTENT_HASHES[C]),
            Submission(E, "dog", claimed=CONTENT_HASHES[C]),
        ),
        polls=1,
        initial_system=CONTENT_SCANNED,
    ),
    Scenario(
        "the scan of a content expires",
        (Submission(D, "cat"),),
        each(1, Fault.EXPIRED),
        instants=AROUND_EXPIRY,
        initial_system=SystemState(
            0.0,
            images=Table({_CONTENT: ImageItem(first_leased_at=0, scan=_SCAN_OF_CONTENT, expires_at=EXPIRY)}),
            billed_calls=Table({_CONTENT: 1}),
            retention_seconds=RETENTION_SECONDS,
        ),
    ),
)


THREE_REQUESTS = (Submission(A, "cat"), Submission(A, "dog"), Submission(B, "cat"))

DEEP_SCENARIOS = (
    Scenario(
        "resubmitted image that was never scanned",
        ONE_REQUEST,
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        initial_messages=(s3_event_message(key_for(A)),),
        initial_system=MARKED_FOR_PURGE._replace(images=Table({A: ImageItem(purge_mark=MARK)}), billed_calls=Table()),
    ),
    Scenario(
        "deletion with one fault",
        (),
        each(1, Fault.CRASH, Fault.RESPONSE_LOST, Fault.INDEX_STALE),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        **ACCEPTED_REQUEST,
    ),
    Scenario("two owners of one image, one crash", (ANN, BOB), each(1, Fault.CRASH), polls=1),
    Scenario("a slow scanner, from the submission", TWO_REQUESTS, each(1, Fault.LEASE_EXPIRED_EARLY), instants=(0, 50)),
    Scenario(
        "the deadline passes, from the submission",
        ONE_REQUEST,
        each(1, *TIMING_FAULTS),
        max_faults=1,
        instants=AROUND_DEADLINE,
        polls=1,
    ),
    Scenario(
        "attempts are exhausted, from the submission",
        ONE_REQUEST,
        each(2, Fault.CRASH, Fault.DETECTION_TIMEOUT, Fault.THROTTLED, Fault.RETRIED),
        max_faults=2,
        instants=(0, AFTER_LEASE),
        max_attempts=2,
        max_receives=4,
    ),
    Scenario(
        "an exhaustion races with a late result, from the submission",
        TWO_REQUESTS,
        each(1, Fault.LEASE_EXPIRED_EARLY),
        instants=(0, 50),
        max_attempts=1,
    ),
    Scenario(
        "resubmitted image after the purge delay, from the submission",
        TWO_REQUESTS,
        instants=(AFTER_PURGE_DELAY,),
        sweeps=1,
        deletes=1,
        purge_runs=1,
        initial_system=MARKED_FOR_PURGE,
    ),
    Scenario(
        "deletion with one fault, from the submission",
        ONE_REQUEST,
        each(1, Fault.CRASH, Fault.RESPONSE_LOST, Fault.INDEX_STALE),
        max_faults=1,
        instants=(0, AFTER_PURGE_DELAY),
        sweeps=1,
        deletes=1,
        purge_runs=1,
    ),
    Scenario(
        "direct upload after its request was deleted, from the submission",
        DIRECT_UPLOAD,
        each(1, Fault.CRASH),
        max_faults=1,
        instants=(0, UPLOAD_URL_SECONDS, AFTER_PURGE_DELAY),
        sweeps=1,
        deletes=1,
        purge_runs=1,
    ),
    Scenario(
        "the daily quota is used up, any two faults",
        ONE_REQUEST,
        each(2, *ANY_FAULT),
        max_faults=2,
        instants=AROUND_MIDNIGHT,
        sweeps=1,
        daily_rekognition_limit=1,
    ),
    Scenario("three requests for two images, two crashes", THREE_REQUESTS, each(2, Fault.CRASH)),
    Scenario("three requests for one image", (*TWO_REQUESTS, Submission(A, "cat"))),
    Scenario(
        "two requests, two crashes, a dead letter, a lost response",
        TWO_REQUESTS,
        (*each(2, Fault.CRASH), *each(1, Fault.DEAD_LETTER, Fault.RESPONSE_LOST)),
        max_faults=2,
    ),
    Scenario(
        "two requests, any fault, time passes",
        TWO_REQUESTS,
        each(1, *ANY_FAULT),
        max_faults=1,
        instants=(0, AFTER_LEASE),
    ),
    Scenario("one request, any three faults", ONE_REQUEST, each(3, *ANY_FAULT), max_faults=3),
    Scenario(
        "one request, any two faults, one sweep",
        ONE_REQUEST,
        each(2, *ANY_FAULT),
        max_faults=2,
        instants=(0, AFTER_REQUEUE_DELAY),
        sweeps=1,
    ),
    Scenario(
        "the deadline passes, two faults",
        ONE_REQUEST,
        each(2, *TIMING_FAULTS),
        max_faults=2,
        instants=AROUND_DEADLINE,
        polls=1,
        sweeps=1,
    ),
    Scenario(
        "direct upload at the deadline, any two faults",
        DIRECT_UPLOAD,
        each(2, *ANY_FAULT),
        max_faults=2,
        instants=AROUND_DEADLINE,
    ),
)
