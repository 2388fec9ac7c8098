"""What can go wrong, each a choice that the explorer makes as often as a scenario's budget allows."""

from enum import StrEnum


class Fault(StrEnum):
    """The value is how a trace tells it."""

    # of one call
    FAILED = "but the call fails without effect"
    LOST = "but its answer is lost and the caller sees an error"
    RESENT = "but its answer is lost and the SDK will send it again"
    BLIND_INDEX = "and the stale index knows none of the rows yet"
    OLD_INDEX = "and the stale index still knows settled and deleted rows as waiting"
    LATE_INDEX = "and the index knows nothing of the last ten minutes"
    THROTTLED = "but is throttled"
    UNKNOWN_CODE = "but gets an error code that nobody knows"
    MISUSED = "but is denied access"
    PARAMETERS = "but its parameters are refused"
    REFUSED = "and the image is refused for good"
    UNANSWERED = "but the answer, which is paid for, never comes"
    OUT_OF_TIME = "and little time is left"
    # of an actor
    DEATH = "dies"
    # of everything around
    DUPLICATE = "and the queue keeps it, to deliver it once more"
    MESSAGE_LOST = "is lost"
    DEAD_LETTER = "goes to the dead-letter queue"
    REDRIVEN = "is returned from the dead-letter queue"
    EARLY_EXPIRY = "runs out early"
    DELETED = "is deleted"
    REPLACED = "is overwritten with foreign bytes"


READ = (Fault.FAILED,)
INDEX_READ = (Fault.FAILED, Fault.BLIND_INDEX, Fault.OLD_INDEX)
WRITE = (Fault.FAILED, Fault.LOST, Fault.RESENT)
WRITE_ONCE = (Fault.FAILED, Fault.LOST)
DETECTION = (Fault.THROTTLED, Fault.UNKNOWN_CODE, Fault.MISUSED, Fault.PARAMETERS, Fault.REFUSED, Fault.UNANSWERED)

# After each of these, and after no other, an image may have to be paid for once more.
COSTLY = frozenset({Fault.FAILED, Fault.LOST, Fault.UNANSWERED, Fault.DEATH, Fault.EARLY_EXPIRY})
