"""Rekognition in memory: returns what the requested object version shows, and counts billed calls."""

from imagescan.aws.rekognition import classify_error
from imagescan.domain.content import content_item_key
from imagescan.domain.detection import Detection
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image import StoredObject, hash_from_key
from imagescan.domain.labels import Label
from imagescan.domain.match import Finding
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.text import TextLine
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import DETECTION
from tests.model_checking.system_state import CONTENT_HASHES, CONTENT_LABELS, SystemState, day_of


class Detector:
    def __init__(self, call: Caller, feature: Feature) -> None:
        self._call = call
        self._feature = feature

    def detect(self, stored: StoredObject) -> Detection:
        detection: Detection | None = self._call(_detect(stored.key, self._feature, stored.version))
        if detection is None:
            raise classify_error("InvalidS3ObjectException")
        return detection


@operation("detects the {1} of image {0}", DETECTION, is_unobservable=True)
def _detect(system: SystemState, key: str, feature: Feature, version: str) -> tuple[SystemState, Detection | None]:
    content = system.objects[key][int(version)].content
    if content is None:
        return system, None
    return with_billed_call(system, key, feature), Detection((shown(content, feature),), "3.0")


def shown(content: str, feature: Feature) -> Finding:
    """Return what Rekognition finds in these bytes."""
    name = CONTENT_LABELS[content]
    if feature == Feature.TEXT:
        return TextLine(name, 97.0, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    return ModerationLabel(name, 97.0) if feature == Feature.MODERATION else Label(name, 97.0)


def with_billed_call(system: SystemState, key: str, feature: Feature) -> SystemState:
    """Return the system with one more billed call for this feature of the content of the image under ``key``."""
    image_hash = hash_from_key(key) or key
    content_hash = CONTENT_HASHES.get(image_hash)
    item = content_item_key(content_hash, feature) if content_hash else item_key(image_hash, feature)
    day = day_of(system.now)
    return system._replace(
        billed_calls=system.billed_calls.with_item(item, system.billed_calls.get(item, 0) + 1),
        billed_by_day=system.billed_by_day.with_item(day, system.billed_by_day.get(day, 0) + 1),
    )
