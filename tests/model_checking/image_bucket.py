"""The images bucket in memory: object versions by key, and an event for each upload."""

import math
from collections.abc import Iterator

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from imagescan.domain.image import DeclaredImage, StoredObject, ValidatedImage, hash_from_key, upload_key
from imagescan.domain.scan_request import ScanRequest, Upload
from testing.images import png
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import READ, WRITE
from tests.model_checking.scan_queue import with_message
from tests.model_checking.system_state import CONTENT_HASHES, SystemState, Version, key_for

_HEADER = png(100, 100)  # valid, so that it does not explain rejected parameters
REMOVED_VERSION = Version(None, None, is_removed=True)  # the placeholder for a removed version


class ImageBucket:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def put(self, image: ValidatedImage, request: ScanRequest) -> None:
        self._call(_put(request.image_key, image.hash, request.id, request.awaits_upload))

    def copy_scanned(self, image: DeclaredImage, scanned_for: str | None, request: ScanRequest) -> bool:
        uploaded = [upload_key(scanned_for, image.hash, image.type)] if scanned_for else []
        return any(self._call(_copy(key, request.image_key, request.id)) for key in [*uploaded, key_for(image.hash)])

    def presign_upload(self, _image: DeclaredImage, _request: ScanRequest, now: float) -> Upload:
        return Upload("", {}, now + UPLOAD_URL_SECONDS)  # presigning makes no call

    def find(self, key: str) -> StoredObject | None:
        found: StoredObject | None = self._call(_find(key))
        return found

    def remove(self, image_hash: str, until: float, covered_until: float) -> bool:
        return self._remove(key_for(image_hash), until, covered_until)

    def remove_upload(self, key: str, until: float) -> bool:
        return self._remove(key, until, math.inf)

    def _remove(self, key: str, until: float, covered_until: float) -> bool:
        listed: tuple[tuple[int, float], ...] = self._call(_uploaded_by(key, covered_until))
        for number, at in listed:
            if at <= until:
                self._call(_remove(key, number))  # DeleteObjects is not atomic
        return all(at <= until for _, at in listed)

    def read_header(self, stored: StoredObject) -> bytes:
        start: bytes = self._call(_read_start(stored.key))
        return start


@operation("uploads image {0}", WRITE)
def _put(system: SystemState, key: str, content: str, request_id: str, once: bool) -> tuple[SystemState, None]:
    if once and _newest(system, key)[1].content is not None:
        return system, None
    return with_message(with_version(system, key, content, request_id), key), None


@operation("copies image {0}", WRITE)
def _copy(system: SystemState, source: str, key: str, request_id: str) -> tuple[SystemState, bool]:
    content = _newest(system, source)[1].content
    if content is None:
        return system, False
    return with_message(with_version(system, key, content, request_id, is_copy=True), key), True


@operation("reads image {0} from the bucket", READ)
def _find(system: SystemState, key: str) -> tuple[SystemState, StoredObject | None]:
    number, newest = _newest(system, key)
    if newest.content is None:
        return system, None
    uploaded_at, content_hash = math.floor(newest.uploaded_at), CONTENT_HASHES.get(newest.content)
    return system, StoredObject(key, str(number), newest.content, newest.request_id, uploaded_at, content_hash)


def _newest(system: SystemState, key: str) -> tuple[int, Version]:
    """Return the newest version with its number. It has no content if the object does not exist."""
    versions = enumerate(system.objects.get(key, ()))
    present = [(number, version) for number, version in versions if not version.is_removed]
    return present[-1] if present else (0, REMOVED_VERSION)


@operation("lists the uploads of image {0} to purge", READ)
def _uploaded_by(system: SystemState, key: str, until: float) -> tuple[SystemState, tuple[tuple[int, float], ...]]:
    uploaded = [(number, math.floor(version.uploaded_at)) for number, version in _uploaded(system, key)]
    return system, tuple((number, at) for number, at in uploaded if at <= until)


@operation("removes an upload of image {0}", WRITE)
def _remove(system: SystemState, key: str, number: int) -> tuple[SystemState, None]:
    versions = list(system.objects[key])
    versions[number] = REMOVED_VERSION
    return system._replace(objects=system.objects.with_item(key, tuple(versions))), None


def _uploaded(system: SystemState, key: str) -> Iterator[tuple[int, Version]]:
    return ((number, version) for number, version in enumerate(system.objects.get(key, ())) if version.content)


@operation("reads the header of image {0}", READ)
def _read_start(system: SystemState, _key: str) -> tuple[SystemState, bytes]:
    return system, _HEADER


def has_right_bytes(system: SystemState, key: str) -> bool:
    """Return whether the newest bytes under ``key`` exist and match its hash."""
    present = [version for version in system.objects.get(key, ()) if not version.is_removed]
    return bool(present) and present[-1].content == hash_from_key(key)


def is_stored(system: SystemState, key: str) -> bool:
    """Return whether any version under ``key`` remains."""
    return any(not version.is_removed for version in system.objects.get(key, ()))


def with_upload(system: SystemState, request: ScanRequest) -> SystemState:
    """Return the system after the direct upload of the request's bytes."""
    return with_message(with_version(system, request.image_key, request.image_hash, request.id), request.image_key)


def without_versions(system: SystemState, key: str) -> SystemState:
    """Return the system after every version of the object was removed."""
    removed = (REMOVED_VERSION,) * len(system.objects[key])
    return system._replace(objects=system.objects.with_item(key, removed))


def with_version(
    system: SystemState, key: str, content: str | None, request_id: str | None = None, *, is_copy: bool = False
) -> SystemState:
    """Return the system with a new version of the object, or with a delete marker, without an event."""
    versions = (*system.objects.get(key, ()), Version(content, request_id, system.now, is_copy=is_copy))
    return system._replace(objects=system.objects.with_item(key, versions))
