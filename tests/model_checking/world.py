"""All that outlives a process: tables, bucket, queue and clock, as one immutable value.

The modules beside this one hold the operations: ``images_table``, ``requests_table``, ``image_bucket``, ``scan_queue``,
``detector`` and ``clock``, each with the conditions that its adapter in ``imagescan.aws`` states.
"""

from typing import NamedTuple

from imagescan.domain.image import object_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Scan
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import ScanRequest

# Two pictures, named by the first letter of their hash, and what they show.
A, B = "a" * 64, "b" * 64
FOREIGN = "f" * 64  # bytes that no request ever sent
SHOWS = {A: "Cat", B: "Dog", FOREIGN: "Teapot"}


class Ask(NamedTuple):
    """What somebody asks: whether ``image`` shows ``label``. A direct one sends its bytes to the bucket itself."""

    image: str
    label: str
    is_direct: bool = False
    key: str = ""


def key_for(image_hash: str) -> str:
    return object_key(image_hash, ImageType.JPEG)


class Table[Row](dict[str, Row]):
    """A table that nobody changes, so its hash is kept: most steps leave most tables as they are."""

    _hash: int | None = None

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none, because others change it
        if self._hash is None:
            self._hash = hash(frozenset(self.items()))
        return self._hash

    def having(self, key: str, row: Row) -> "Table[Row]":
        """The table with this row put in."""
        return Table({**self, key: row})

    def without(self, key: str) -> "Table[Row]":
        """The table without this row."""
        return Table({other: row for other, row in self.items() if other != key})


class ImageRow(NamedTuple):
    """A row of the images table as it is stored: the owner of the lease is in it, which ``Image`` leaves out."""

    attempts: frozenset[str] = frozenset()
    first_leased_at: float | None = None
    lease_owner: str | None = None
    lease_until: float | None = None
    requeued_at: float | None = None
    scan: Scan | None = None
    deferred_at: frozenset[float] = frozenset()
    marked_at: float | None = None


class Version(NamedTuple):
    """One version of an object: the hash of its bytes (none for a delete marker), who uploaded it and when.

    A version that was removed keeps its place, so that no later one is taken for it.
    """

    content: str | None
    request_id: str | None
    uploaded_at: float = 0.0
    is_removed: bool = False


class World(NamedTuple):
    """``objects`` holds every version under its key, the newest last.

    ``paid`` counts, by image, the detections that Rekognition charges for, and ``paid_on`` counts them by day;
    ``calls`` is the budget's own count; ``removals`` counts, by image, how often its row was removed. ``deleted`` are
    the requests that were deleted, as they were.
    """

    now: float
    images: Table[ImageRow] = Table()
    requests: Table[ScanRequest] = Table()
    objects: Table[tuple[Version, ...]] = Table()
    queue: tuple[ScanMessage, ...] = ()
    dead_letters: tuple[ScanMessage, ...] = ()
    paid: Table[int] = Table()
    paid_on: Table[int] = Table()
    calls: Table[int] = Table()
    removals: Table[int] = Table()
    deleted: Table[ScanRequest] = Table()


EMPTY = World(0.0)


def day_of(now: float) -> str:
    """The day by its number."""
    return f"day {now // DAY_SECONDS:g}"
