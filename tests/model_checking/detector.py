"""Rekognition in memory: returns the labels of the requested object version, and counts billed calls."""

from imagescan.aws.rekognition import classify_error
from imagescan.domain.detection import Detection
from imagescan.domain.image import StoredObject, hash_from_key
from imagescan.domain.labels import Label
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import DETECTION
from tests.model_checking.system_state import CONTENT_LABELS, SystemState, day_of


class Detector:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def detect(self, stored: StoredObject) -> Detection:
        detection: Detection | None = self._call(_detect(stored.key, stored.version))
        if detection is None:
            raise classify_error("InvalidS3ObjectException")
        return detection


@operation("detects the labels of image {0}", DETECTION, is_unobservable=True)
def _detect(system: SystemState, key: str, version: str) -> tuple[SystemState, Detection | None]:
    content = system.objects[key][int(version)].content
    if content is None:
        return system, None
    return with_billed_call(system, key), Detection((Label(CONTENT_LABELS[content], 97.0),), "3.0")


def with_billed_call(system: SystemState, key: str) -> SystemState:
    """Return the system with one more billed call for the image under ``key``."""
    image_hash = hash_from_key(key) or key
    day = day_of(system.now)
    return system._replace(
        billed_calls=system.billed_calls.with_item(image_hash, system.billed_calls.get(image_hash, 0) + 1),
        billed_by_day=system.billed_by_day.with_item(day, system.billed_by_day.get(day, 0) + 1),
    )
