"""Everything that outlives a process (tables, bucket, queue and clock) as one immutable value.

``images_table``, ``requests_table``, ``image_bucket``, ``scan_queue``, ``daily_quota``, ``detector`` and ``clock``
define the operations, with the same conditions as the adapters in ``imagescan.aws``.
"""

from typing import NamedTuple

from imagescan.domain.feature import Feature
from imagescan.domain.image import object_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Possession, Scan
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.scan_request import ScanRequest

# Images, named by the first letter of their hash.
A, B = "a" * 64, "b" * 64  # without a canonical form
C, D, E = "c" * 64, "d" * 64, "e" * 64
FOREIGN_CONTENT = "f" * 64  # bytes that no request ever sent
# What Rekognition finds in them, whatever the feature.
CONTENT_LABELS = {A: "Cat", B: "Dog", C: "Cat", D: "Cat", E: "Dog", FOREIGN_CONTENT: "Teapot"}
CONTENT_HASHES = {C: "1" * 64, D: "1" * 64, E: "2" * 64}


class Submission(NamedTuple):
    """Asks whether ``image`` shows ``label``. With ``is_direct``, the client uploads the bytes to the bucket.

    With an ``owner``, authentication is enabled. The question is asked of each of the ``features``. The client may
    claim the hash of a content.
    """

    image: str
    label: str
    is_direct: bool = False
    key: str = ""
    owner: str | None = None
    features: tuple[Feature, ...] = (Feature.LABELS,)
    claimed: str | None = None


def key_for(image_hash: str) -> str:
    return object_key(image_hash, ImageType.JPEG)


class Table[Item](dict[str, Item]):
    """An immutable table. It caches its hash, because most transitions leave most tables unchanged."""

    _hash: int | None = None

    def __hash__(self) -> int:  # type: ignore[override]  # a dict is mutable and has no hash
        if self._hash is None:
            self._hash = hash(frozenset(self.items()))
        return self._hash

    def __reduce__(self) -> tuple[type, tuple[dict[str, Item]]]:
        """Leave the hash out of a pickle: another process hashes strings differently."""
        return type(self), (dict(self),)

    def with_item(self, key: str, item: Item) -> "Table[Item]":
        """Return the table with this item."""
        return Table({**self, key: item})

    def without_item(self, key: str) -> "Table[Item]":
        """Return the table without this item."""
        return Table({other: item for other, item in self.items() if other != key})


class PurgeMark(NamedTuple):
    """When an item was first marked for purging, and the upload times that the latest mark covers."""

    marked_at: float
    covers_until: float


class ImageItem(NamedTuple):
    """An item of the images table as stored. Unlike ``Image``, it contains the owner of the lease."""

    attempts: frozenset[str] = frozenset()
    first_leased_at: float | None = None
    lease_owner: str | None = None
    lease_until: float | None = None
    requeued_at: float | None = None
    scan: Scan | None = None
    deferred_at: frozenset[float] = frozenset()
    purge_mark: PurgeMark | None = None
    exhausted_at: frozenset[float] = frozenset()
    is_exhausted: bool = False
    not_before: float | None = None
    granted_at: float | None = None
    purge_guard: int = 0
    expires_at: float | None = None


class Version(NamedTuple):
    """One version of an object: the hash of its bytes (None for a delete marker), the request and time of its upload.

    A removed version keeps its index, so that no later version gets the same number. ``is_copy`` is True if the service
    copied the bytes.
    """

    content: str | None
    request_id: str | None
    uploaded_at: float = 0.0
    is_removed: bool = False
    is_copy: bool = False


class QueuedMessage(NamedTuple):
    """A message in a queue. ``receives`` counts its deliveries."""

    body: str
    receives: int = 0


class SystemState(NamedTuple):
    """The durable state of the system. ``objects`` holds every version by key, the newest last.

    ``billed_calls`` counts the detections that Rekognition bills by image and feature, and ``billed_by_day`` by day.
    ``quota_used`` is the counter of the daily quota. ``purges`` counts the deletions of each image's item.
    ``deleted_requests`` holds the requests as they were when they were deleted. ``last_requeued`` holds the time at
    which the sweeper last enqueued each key, and ``early_requeues`` the keys that it enqueued again before the requeue
    delay had passed. ``malformed_requests`` are the IDs of pending items that cannot be decoded, and
    ``malformed_images`` the hashes of such images. ``possessions`` are the possessions by image and owner.
    Requests, bytes and items expire if ``retention_seconds`` is set.
    """

    now: float
    images: Table[ImageItem] = Table()
    requests: Table[ScanRequest] = Table()
    objects: Table[tuple[Version, ...]] = Table()
    queue: tuple[QueuedMessage, ...] = ()
    dead_letters: tuple[QueuedMessage, ...] = ()
    billed_calls: Table[int] = Table()
    billed_by_day: Table[int] = Table()
    quota_used: Table[int] = Table()
    purges: Table[int] = Table()
    deleted_requests: Table[ScanRequest] = Table()
    sweep_position: str | None = None
    last_requeued: Table[float] = Table()
    early_requeues: frozenset[str] = frozenset()
    malformed_requests: frozenset[str] = frozenset()
    malformed_images: frozenset[str] = frozenset()
    possessions: Table[Possession] = Table()
    retention_seconds: int = 0


EMPTY_SYSTEM = SystemState(0.0)


def day_of(now: float) -> str:
    """Return the name of the day, by its number."""
    return f"day {now // DAY_SECONDS:g}"
