"""Rekognition in memory: it says what the very version shows that it is asked about, and counts what it charges."""

from imagescan.aws.rekognition import classify_error
from imagescan.domain.detection import Detection
from imagescan.domain.image import StoredObject, hash_from_key
from imagescan.domain.labels import Label
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import DETECTION
from tests.model_checking.world import SHOWS, World, day_of


class Detector:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def detect(self, stored: StoredObject) -> Detection:
        detection: Detection | None = self._call(_detect(stored.key, stored.version))
        if detection is None:
            raise classify_error("InvalidS3ObjectException")
        return detection


@operation("has Rekognition look at image {0}", DETECTION, is_unseen=True)
def _detect(world: World, key: str, version: str) -> tuple[World, Detection | None]:
    content = world.objects[key][int(version)].content
    if content is None:
        return world, None
    return charged(world, key), Detection((Label(SHOWS[content], 97.0),), "3.0")


def charged(world: World, key: str) -> World:
    """The world with one more paid call for the image under ``key``."""
    image_hash = hash_from_key(key) or key
    day = day_of(world.now)
    return world._replace(
        paid=world.paid.having(image_hash, world.paid.get(image_hash, 0) + 1),
        paid_on=world.paid_on.having(day, world.paid_on.get(day, 0) + 1),
    )
