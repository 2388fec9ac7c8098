"""The images bucket in memory: versions under keys, and an event for each upload."""

from imagescan.aws.image_bucket import UPLOAD_SECONDS
from imagescan.images import AnnouncedImage, CheckedImage, StoredObject, hash_in_key
from imagescan.requests import ScanRequest, Upload
from tests.interleavings.calls import Caller, operation
from tests.interleavings.faults import READ, WRITE
from tests.interleavings.scan_queue import send
from tests.interleavings.world import Version, World


class ImageBucket:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def put(self, image: CheckedImage, request_id: str) -> None:
        self._call(_put(image.key, image.hash, request_id))

    def upload_for(self, _image: AnnouncedImage, _request_id: str, now: float) -> Upload:
        return Upload("", {}, now + UPLOAD_SECONDS)  # made without a call

    def find(self, key: str) -> StoredObject | None:
        found: StoredObject | None = self._call(_find(key))
        return found

    def read_start(self, stored: StoredObject) -> bytes:
        start: bytes = self._call(_read_start(stored.key))
        return start


@operation("uploads image {0}", WRITE)
def _put(world: World, key: str, content: str, request_id: str) -> tuple[World, None]:
    return send(changed(world, key, content, request_id), key), None


@operation("looks for the object of image {0}", READ)
def _find(world: World, key: str) -> tuple[World, StoredObject | None]:
    *older, newest = world.objects.get(key, (Version(None, None),))
    if newest.content is None:
        return world, None
    return world, StoredObject(key, str(len(older)), newest.content, newest.request_id)


@operation("reads the beginning of image {0}", READ)
def _read_start(world: World, _key: str) -> tuple[World, bytes]:
    return world, b"a beginning that tells nothing"


def has_right_bytes(world: World, key: str) -> bool:
    """Whether the bytes under ``key`` are there and are those of its hash."""
    versions = world.objects.get(key)
    return versions is not None and versions[-1].content == hash_in_key(key)


def uploaded(world: World, request: ScanRequest) -> World:
    """The world after the bytes of the request came by direct upload."""
    return send(changed(world, request.image_key, request.image_hash, request.id), request.image_key)


def changed(world: World, key: str, content: str | None, request_id: str | None = None) -> World:
    """The world with a new version of the object, or with none for the time being. No event tells of it."""
    versions = (*world.objects.get(key, ()), Version(content, request_id))
    return world._replace(objects=world.objects.having(key, versions))
