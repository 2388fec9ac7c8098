"""The images bucket in memory: versions under keys, and an event for each upload."""

from collections.abc import Iterator

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from imagescan.domain.image import DeclaredImage, StoredObject, ValidatedImage, hash_from_key
from imagescan.domain.scan_request import ScanRequest, Upload
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import READ, WRITE
from tests.model_checking.scan_queue import send
from tests.model_checking.world import Version, World, key_for

NOTHING = Version(None, None, is_removed=True)  # what is left of a version that was removed


class ImageBucket:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def put(self, image: ValidatedImage, request_id: str) -> None:
        self._call(_put(image.key, image.hash, request_id))

    def presign_upload(self, _image: DeclaredImage, _request_id: str, now: float) -> Upload:
        return Upload("", {}, now + UPLOAD_URL_SECONDS)  # made without a call

    def find(self, key: str) -> StoredObject | None:
        found: StoredObject | None = self._call(_find(key))
        return found

    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        uploads: tuple[float, ...] = self._call(_uploads(key_for(image_hash)))
        return any(at > since for at in uploads)

    def remove(self, image_hash: str, until: float) -> None:
        for number in self._call(_uploaded_by(key_for(image_hash), until)):
            self._call(_remove(key_for(image_hash), number))

    def read_header(self, stored: StoredObject) -> bytes:
        start: bytes = self._call(_read_start(stored.key))
        return start


@operation("uploads image {0}", WRITE)
def _put(world: World, key: str, content: str, request_id: str) -> tuple[World, None]:
    return send(changed(world, key, content, request_id), key), None


@operation("looks for the object of image {0}", READ)
def _find(world: World, key: str) -> tuple[World, StoredObject | None]:
    there = [(number, version) for number, version in enumerate(world.objects.get(key, ())) if not version.is_removed]
    number, newest = there[-1] if there else (0, NOTHING)
    if newest.content is None:
        return world, None
    return world, StoredObject(key, str(number), newest.content, newest.request_id)


@operation("asks when image {0} was uploaded", READ)
def _uploads(world: World, key: str) -> tuple[World, tuple[float, ...]]:
    return world, tuple(version.uploaded_at for _, version in _uploaded(world, key))


@operation("asks which uploads of image {0} are to go", READ)
def _uploaded_by(world: World, key: str, until: float) -> tuple[World, tuple[int, ...]]:
    return world, tuple(number for number, version in _uploaded(world, key) if version.uploaded_at <= until)


@operation("removes an upload of image {0}", WRITE)
def _remove(world: World, key: str, number: int) -> tuple[World, None]:
    versions = list(world.objects[key])
    versions[number] = NOTHING
    return world._replace(objects=world.objects.having(key, tuple(versions))), None


def _uploaded(world: World, key: str) -> Iterator[tuple[int, Version]]:
    return ((number, version) for number, version in enumerate(world.objects.get(key, ())) if version.content)


@operation("reads the beginning of image {0}", READ)
def _read_start(world: World, _key: str) -> tuple[World, bytes]:
    return world, b"a beginning that tells nothing"


def has_right_bytes(world: World, key: str) -> bool:
    """Whether the bytes under ``key`` are there and are those of its hash."""
    there = [version for version in world.objects.get(key, ()) if not version.is_removed]
    return bool(there) and there[-1].content == hash_from_key(key)


def is_stored(world: World, key: str) -> bool:
    """Whether anything was put under ``key`` that was not removed since."""
    return any(not version.is_removed for version in world.objects.get(key, ()))


def uploaded(world: World, request: ScanRequest) -> World:
    """The world after the bytes of the request came by direct upload."""
    return send(changed(world, request.image_key, request.image_hash, request.id), request.image_key)


def changed(world: World, key: str, content: str | None, request_id: str | None = None) -> World:
    """The world with a new version of the object, or with none for the time being. No event tells of it."""
    versions = (*world.objects.get(key, ()), Version(content, request_id, world.now))
    return world._replace(objects=world.objects.having(key, versions))
