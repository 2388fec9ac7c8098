"""Hand-written fakes of the collaborators of the use cases. They record the calls that they receive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from imagescan.domain.content import is_content_item_key
from imagescan.domain.detection import Detection, DetectionError
from imagescan.domain.feature import Feature
from imagescan.domain.image import DeclaredImage, StoredObject, ValidatedImage
from imagescan.domain.image_record import Image, LeaseResult, Possession, PossessionKey, Scan
from imagescan.domain.scan_request import DeletedRequest, PendingPage, ScanRequest, Upload

HASH = "ab" * 32
KEY = f"images/{HASH}.jpg"


def by_feature(*items: Image | None) -> dict[Feature, Image]:
    """Return these items of one image by feature. None stands for an item that does not exist."""
    return {item.feature: item for item in items if item}


@dataclass
class FakeImages:
    """The images table.

    A lease is granted unless ``lease_refused_by`` is set: the existing item that does not meet the lease's condition.
    ``first_leased_at``, ``deferred_at`` and ``attempts`` are those of the leased item. ``exhausted`` is the item that
    prevents an exhaustion. ``steps`` records the writes in order. Without ``is_renewable``, a renewed item was deleted
    since it was read. ``content`` is the item of a content whose lease is refused. ``reads`` records the keys of each
    read.
    """

    items: dict[str, Image] = field(default_factory=dict)
    lease_refused_by: Image | None = None
    first_leased_at: float | None = None
    steps: list[str] = field(default_factory=list)
    finished: list[Scan] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    is_claimable: bool = True
    is_still_leased: bool = True
    deferred_at: tuple[float, ...] = ()
    attempts: int = 1
    exhausted: Image | None = None
    possessed: dict[PossessionKey, Possession] = field(default_factory=dict)
    is_renewable: bool = True
    content: Image | None = None
    reads: list[tuple[str, ...]] = field(default_factory=list)

    def renew(self, read: Image | Possession, now: float) -> bool:
        self.steps.append(f"renew {_name(read)}")
        return self.is_renewable

    def remove_expired(self, read: Image | Possession) -> None:
        self.steps.append(f"remove {_name(read)}")

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        return {key: self.possessed[key] for key in keys if key in self.possessed}

    def grant(self, possession: Possession) -> None:
        self.steps.append(f"grant {possession.owner} at {possession.since:g}")
        self.possessed.setdefault(possession.key, possession)

    def get(self, key: str) -> Image | None:
        self.reads.append((key,))
        return self.items.get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        self.reads.append(tuple(keys))
        return {each: self.items[each] for each in keys if each in self.items}

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        self.steps.append(f"lease{_of_content(key)}")
        if is_content_item_key(key) and self.content:
            return LeaseResult(granted=False, image=self.content)
        first = now if self.first_leased_at is None else self.first_leased_at
        leased = Image(key, self.attempts, first, until, deferred_at=self.deferred_at)
        return LeaseResult(self.lease_refused_by is None, self.lease_refused_by or leased)

    def release(
        self,
        key: str,
        owner: str,
        *,
        refund: bool,
        bytes_missing: bool = False,
        not_before: float | None = None,
    ) -> None:
        wait = "" if not_before is None else f" until {not_before:g}"
        kind = " with refund" * refund + " as bytes_missing" * bytes_missing
        self.steps.append(f"release{_of_content(key)}{kind}{wait}")

    def defer(self, key: str, owner: str, began: float) -> bool:
        self.steps.append(f"defer since {began:g}")
        return self.is_still_leased

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        self.steps.append(f"exhaust{_of_content(image.key)}{' with refund' if refund else ''} at {at:g}")
        exhausted = replace(image, exhausted_at=(*image.exhausted_at, at), is_exhausted=True)
        return self.exhausted or exhausted

    def reopen(self, image: Image) -> None:
        self.steps.append(f"reopen{_of_content(image.key)}")

    def mark_for_purge(self, key: str, now: float) -> None:
        self.steps.append(f"mark {key} at {now:g}")

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        self.steps.append(f"finish{_of_content(key)}{' with refund' if refund else ''}")
        self.finished.append(scan)
        return Image(key, scan=scan)

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        self.claims += image_hashes
        return list(image_hashes) if self.is_claimable else []


def _name(item: Image | Possession) -> str:
    return (_of_content(item.key) or " image")[1:] if isinstance(item, Image) else "possession"


def _of_content(key: str) -> str:
    return " content" if is_content_item_key(key) else ""


@dataclass
class FakeRequests:
    """The requests table. Its index shows ``pending``, or its queries raise ``query_error``.

    ``put_error`` is raised by each write of a new request. The requests in ``deleted`` were deleted.
    """

    pending: list[ScanRequest] = field(default_factory=list)
    stored: dict[str, ScanRequest] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    settled: list[Sequence[ScanRequest]] = field(default_factory=list)
    query_error: Exception | None = None
    put_error: Exception | None = None

    def get(self, request_id: str) -> ScanRequest | None:
        return self.stored.get(request_id)

    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None:
        return DeletedRequest(request_id) if request_id in self.deleted else self.stored.get(request_id)

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        return {each: self.stored[each] for each in request_ids if each in self.stored}

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        if self.put_error:
            raise self.put_error
        return self.find(request.id) or self.stored.setdefault(request.id, request)

    def delete(self, request: ScanRequest, now: float) -> None:
        del self.stored[request.id]
        self.deleted.add(request.id)

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        if self.query_error:
            raise self.query_error
        return (request for request in self.pending if request.image_hash == image_hash)

    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        """Return pages of at most 100 requests. A position is the number of requests before it."""
        first = int(start or 0)
        for at in range(first, max(len(self.pending), first + 1), 100):
            yield PendingPage(str(at) if at else None, tuple(self.pending[at : at + 100]))

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        self.settled.append(requests)


@dataclass
class FakePosition:
    """The position at which the next sweep starts. ``saved`` records the writes."""

    start: str | None = None
    saved: list[str | None] = field(default_factory=list)

    def load(self) -> str | None:
        return self.start

    def save(self, start: str | None) -> None:
        self.start = start
        self.saved.append(start)


@dataclass
class FakeBucket:
    """The images bucket, with at most one object, which belongs to no request. Its first bytes are ``header``.

    The bytes that were scanned for the request ``copies_from`` can be copied.
    """

    stored: StoredObject | None = field(default_factory=lambda: StoredObject(KEY, "v1", HASH, None))
    uploads: list[str] = field(default_factory=list)
    header: bytes = b""
    copies_from: str | None = None

    def find(self, key: str) -> StoredObject | None:
        return self.stored if self.stored and self.stored.key == key else None

    def put(self, image: ValidatedImage, request: ScanRequest) -> None:
        self.uploads.append(f"{request.image_key} for {request.id}")

    def presign_upload(self, image: DeclaredImage, request: ScanRequest, now: float) -> Upload:
        return Upload(f"https://bucket/{request.image_key}", {"x-amz-meta-request-id": request.id}, now + 900)

    def copy_scanned(self, image: DeclaredImage, scanned_for: str | None, request: ScanRequest) -> bool:
        if self.copies_from is None or scanned_for != self.copies_from:
            return False
        self.uploads.append(f"{request.image_key} for {request.id} copied from {scanned_for}")
        return True

    def read_header(self, stored: StoredObject) -> bytes:
        return self.header


@dataclass
class FakeDetector:
    """A detector that returns or raises the same result for each call."""

    result: Detection | DetectionError | Exception
    calls: int = 0

    def detect(self, stored: StoredObject) -> Detection:
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@dataclass
class FakeQuota:
    """A quota of ``remaining`` calls. ``refunds`` records the times of refunded calls."""

    remaining: int
    refunds: list[float] = field(default_factory=list)

    def try_acquire(self, now: float, feature: Feature | None = None) -> bool:
        self.remaining -= 1
        return self.remaining >= 0

    def refund(self, now: float, feature: Feature | None = None) -> None:
        self.refunds.append(now)


class UnavailableQuota(FakeQuota):
    """A quota whose calls cannot be counted."""

    def try_acquire(self, now: float, feature: Feature | None = None) -> bool:
        raise ConnectionError


class QuotaWithoutRefunds(FakeQuota):
    """A quota whose calls cannot be refunded."""

    def refund(self, now: float, feature: Feature | None = None) -> None:
        raise ConnectionError
