"""What is explored: small casts, each with the faults that could hurt it."""

import json

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.image_record import Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS, GRACE_SECONDS
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from tests.model_checking.faults import Fault
from tests.model_checking.programs import DEADLINE_SECONDS, Submit
from tests.model_checking.state import Scenario
from tests.model_checking.world import SHOWS, A, Ask, B, ImageRow, Table, Version, World, key_for

ONE = (Ask(A, "cat"),)
TWO = (Ask(A, "cat"), Ask(A, "dog"))
DIRECT = (Ask(A, "cat", is_direct=True),)
REPEATED = (Ask(A, "cat", key="k"),) * 2

LEASE_OVER = 95.0  # and every function's time with it
PATIENCE_OVER = REQUEUE_AFTER_SECONDS + 5
QUIET_OVER = PURGE_DELAY_SECONDS + 5
BEFORE_DEADLINE, AFTER_DEADLINE = DEADLINE_SECONDS - 4, DEADLINE_SECONDS + 4
BEFORE_GRACE_ENDS, AFTER_GRACE = BEFORE_DEADLINE + GRACE_SECONDS, AFTER_DEADLINE + GRACE_SECONDS


ROUND_THE_DEADLINE = (0, BEFORE_DEADLINE, AFTER_DEADLINE, BEFORE_GRACE_ENDS, AFTER_GRACE)

# The evening before another day's budget: the deadline and the grace end in it, or midnight comes first.
EVENING, NIGHT = DAY_SECONDS - 6000, DAY_SECONDS - 20
ROUND_MIDNIGHT = (EVENING, EVENING + AFTER_DEADLINE, EVENING + AFTER_GRACE, DAY_SECONDS + 5)
JUST_BEFORE_THE_DEADLINE = NIGHT + 10 - DEADLINE_SECONDS

# An index that lags for minutes is told apart, because only a removal waits long enough for it.
ANY = tuple(fault for fault in Fault if fault is not Fault.LATE_INDEX)
TIMELY = (Fault.DEATH, Fault.MESSAGE_LOST, Fault.OLD_INDEX, Fault.RESENT)


def each(times: int, *faults: Fault) -> tuple[tuple[Fault, int], ...]:
    """So many times each of these faults."""
    return tuple((fault, times) for fault in faults)


# A message that no one can read, and the one that S3 sends to try the queue.
POISON, TRIAL = "not JSON", json.dumps({"Event": "s3:TestEvent"})

# What a deletion at 0 s left: the image of its request, scanned and marked.
TO_REMOVE = World(
    0.0,
    images=Table({A: ImageRow(scan=Scan(Status.COMPLETED, 0.0, (Label(SHOWS[A], 97.0),), "3.0"), marked_at=0.0)}),
    objects=Table({key_for(A): (Version(A, "deleted"),)}),
    paid=Table({A: 1}),
)
# A request of 0 s for that image, stored and not settled.
UNSETTLED = Submit(0, Ask(A, "cat"), 0.0).request

QUICK = (
    Scenario("two ask about one picture", TWO, instants=(0, LEASE_OVER), polls=1),
    Scenario("a scanner takes its time", TWO, each(1, Fault.EARLY_EXPIRY), instants=(0, 50)),
    Scenario("two ask, one dies", TWO, each(1, Fault.DEATH)),
    Scenario("one asks, two faults", ONE, each(2, *ANY), faults_in_all=2),
    Scenario("one asks, a fault, a sweep", ONE, each(1, *ANY), 1, instants=(0, PATIENCE_OVER), sweeps=1),
    Scenario("the deadline passes", ONE, each(1, *TIMELY), 1, instants=ROUND_THE_DEADLINE, polls=1),
    Scenario(
        "another asks after the deadline", TWO, each(1, Fault.MESSAGE_LOST), instants=(0, AFTER_DEADLINE, AFTER_GRACE)
    ),
    Scenario(
        "two pictures in a batch", (Ask(A, "cat"), Ask(B, "cat")), each(1, Fault.DEATH, Fault.FAILED), 1, batches=True
    ),
    Scenario("a direct upload", DIRECT, each(1, *ANY), 1, instants=(0, PATIENCE_OVER), sweeps=1),
    Scenario("a direct upload at the deadline", DIRECT, each(1, Fault.DELETED, Fault.LOST), 2, ROUND_THE_DEADLINE),
    Scenario(
        "a direct upload that is posted too", (*DIRECT, Ask(A, "dog")), each(1, Fault.DEATH), instants=(0, LEASE_OVER)
    ),
    Scenario("a submit repeated under its key", REPEATED, each(1, Fault.DEATH, Fault.LOST, Fault.RESENT), 1),
    Scenario("strange mail", ONE, mail=(POISON, TRIAL)),
    Scenario(
        "attempts run out",
        ONE,
        each(2, Fault.DEATH, Fault.UNANSWERED, Fault.THROTTLED, Fault.RESENT),
        2,
        instants=(0, LEASE_OVER),
        max_attempts=2,
        max_receives=4,
    ),
    Scenario(
        "two sweepers at once", ONE, each(1, Fault.MESSAGE_LOST, Fault.DEATH), 2, instants=(0, PATIENCE_OVER), sweeps=2
    ),
    Scenario(
        "a day's budget is spent",
        ONE,
        each(1, Fault.DEATH, Fault.MESSAGE_LOST, Fault.RESENT, Fault.LOST, Fault.THROTTLED),
        1,
        instants=ROUND_MIDNIGHT,
        sweeps=1,
        daily_rekognition_limit=1,
    ),
    Scenario(
        "midnight comes while two are at work",
        ONE,
        each(1, Fault.EARLY_EXPIRY, Fault.DUPLICATE),
        instants=(JUST_BEFORE_THE_DEADLINE, NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
    ),
    Scenario(
        "two pictures, a call a day",
        (Ask(A, "cat"), Ask(B, "cat")),
        each(1, Fault.UNANSWERED),
        instants=(NIGHT, DAY_SECONDS + 5),
        daily_rekognition_limit=1,
    ),
    Scenario("a deletion while a scan runs", TWO, deletes=1),
    Scenario(
        "a deletion and one fault",
        ONE,
        each(1, Fault.DEATH, Fault.LOST, Fault.OLD_INDEX),
        1,
        instants=(0, QUIET_OVER),
        sweeps=1,
        deletes=1,
    ),
    Scenario("the same picture after quiet time", TWO, instants=(QUIET_OVER,), sweeps=1, deletes=1, world=TO_REMOVE),
    Scenario("the same picture, two sweepers", ONE, instants=(QUIET_OVER,), sweeps=2, deletes=1, world=TO_REMOVE),
    Scenario(
        "the same picture, never scanned",
        ONE,
        instants=(QUIET_OVER,),
        sweeps=1,
        deletes=1,
        mail=(s3_event_message(key_for(A)),),
        world=TO_REMOVE._replace(images=Table({A: ImageRow(marked_at=0)}), paid=Table()),
    ),
    Scenario(
        "the same picture, one fault",
        ONE,
        each(1, Fault.DEATH, Fault.LOST, Fault.RESENT, Fault.OLD_INDEX, Fault.LATE_INDEX),
        1,
        instants=(QUIET_OVER,),
        sweeps=1,
        deletes=1,
        world=TO_REMOVE,
    ),
    Scenario(
        "a direct upload after its request was deleted",
        DIRECT,
        each(1, Fault.DEATH),
        1,
        instants=(0, UPLOAD_URL_SECONDS, QUIET_OVER),
        sweeps=1,
        deletes=1,
    ),
    Scenario(
        "a deletion, a sweep and the same picture at once",
        ONE,
        sweeps=1,
        deletes=1,
        world=World(0.0, requests=Table({"r0": UNSETTLED}), objects=TO_REMOVE.objects),
    ),
    Scenario(
        "somebody asks while an image is removed",
        (),
        instants=(AFTER_GRACE,),
        sweeps=1,
        polls=1,
        deletes=1,
        world=TO_REMOVE._replace(requests=Table({"r0": UNSETTLED})),
    ),
)


THREE = (Ask(A, "cat"), Ask(A, "dog"), Ask(B, "cat"))

DEEP = (
    Scenario(
        "a day's budget is spent, any two faults",
        ONE,
        each(2, *ANY),
        2,
        instants=ROUND_MIDNIGHT,
        sweeps=1,
        daily_rekognition_limit=1,
    ),
    Scenario("three ask about two pictures, two deaths", THREE, each(2, Fault.DEATH)),
    Scenario("three ask about one picture", (*TWO, Ask(A, "cat"))),
    Scenario(
        "two ask, two deaths, a dead letter, a lost answer",
        TWO,
        (*each(2, Fault.DEATH), *each(1, Fault.DEAD_LETTER, Fault.LOST)),
        2,
    ),
    Scenario("two ask, any fault, time passes", TWO, each(1, *ANY), 1, instants=(0, LEASE_OVER)),
    Scenario("one asks, any three faults", ONE, each(3, *ANY), 3),
    Scenario("one asks, any two faults, a sweep", ONE, each(2, *ANY), 2, instants=(0, PATIENCE_OVER), sweeps=1),
    Scenario(
        "the deadline passes, two faults", ONE, each(2, *TIMELY), 2, instants=ROUND_THE_DEADLINE, polls=1, sweeps=1
    ),
    Scenario("a direct upload at the deadline, any two faults", DIRECT, each(2, *ANY), 2, instants=ROUND_THE_DEADLINE),
)
