"""Faults. The model checker injects each one at every possible point, as often as a scenario allows."""

from enum import StrEnum


class Fault(StrEnum):
    """The value is the description in a trace."""

    # Faults of one call
    FAILED = "but the call fails without effect"
    RESPONSE_LOST = "but the response is lost and the caller gets an error"
    RETRIED = "but the response is lost and the SDK will retry"
    INDEX_EMPTY = "and the stale index shows no items yet"
    INDEX_STALE = "and the stale index shows settled and deleted items as pending"
    INDEX_DELAYED = "and the index lags by the whole purge delay"
    THROTTLED = "but is throttled"
    UNKNOWN_ERROR_CODE = "but gets an unknown error code"
    ACCESS_DENIED = "but is denied access"
    INVALID_PARAMETERS = "but its parameters are rejected"
    IMAGE_PARAMETERS_INVALID = "but its parameters are rejected while other calls succeed"
    IMAGE_REJECTED = "and the image is rejected permanently"
    DETECTION_TIMEOUT = "but the billed response never arrives"
    OUT_OF_TIME = "and little time is left"
    # Fault of an actor
    CRASH = "crashes"
    # Faults of the environment
    DUPLICATE_DELIVERY = "and keeps it for a duplicate delivery"
    MESSAGE_LOST = "is lost"
    DEAD_LETTER = "moves to the dead-letter queue"
    REDRIVE = "is redriven from the dead-letter queue"
    LEASE_EXPIRED_EARLY = "expires early"
    OBJECT_DELETED = "is deleted"
    OBJECT_REPLACED = "is overwritten with other bytes"
    EXPIRED = "is deleted because it has expired"


READ = (Fault.FAILED,)
INDEX_READ = (Fault.FAILED, Fault.INDEX_EMPTY, Fault.INDEX_STALE)
WRITE = (Fault.FAILED, Fault.RESPONSE_LOST, Fault.RETRIED)
WRITE_ONCE = (Fault.FAILED, Fault.RESPONSE_LOST)
DETECTION = (
    Fault.THROTTLED,
    Fault.UNKNOWN_ERROR_CODE,
    Fault.ACCESS_DENIED,
    Fault.INVALID_PARAMETERS,
    Fault.IMAGE_PARAMETERS_INVALID,
    Fault.IMAGE_REJECTED,
    Fault.DETECTION_TIMEOUT,
)

# Only after one of these may an image be billed once more.
MAY_REPEAT_BILLING = frozenset(
    {Fault.FAILED, Fault.RESPONSE_LOST, Fault.DETECTION_TIMEOUT, Fault.CRASH, Fault.LEASE_EXPIRED_EARLY}
)
