"""Hand-written collaborators that remember what was asked of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from imagescan.domain.detection import Detection, DetectionError
from imagescan.domain.image import DeclaredImage, StoredObject, ValidatedImage
from imagescan.domain.image_record import Image, LeaseResult, Scan
from imagescan.domain.scan_request import ScanRequest, Upload

HASH = "ab" * 32
KEY = f"images/{HASH}.jpg"


@dataclass
class FakeImages:
    """``lease_answer`` and ``finish_answer`` stand in for the rows that a condition met."""

    rows: dict[str, Image] = field(default_factory=dict)
    refusal: Image | None = None
    first_leased_at: float | None = None
    steps: list[str] = field(default_factory=list)
    finished: list[Scan] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    claimable: bool = True
    has_its_lease: bool = True
    deferred_at: tuple[float, ...] = ()

    def get(self, image_hash: str) -> Image | None:
        return self.rows.get(image_hash)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        return {each: self.rows[each] for each in image_hashes if each in self.rows}

    def lease(self, image_hash: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        self.steps.append("lease")
        first = now if self.first_leased_at is None else self.first_leased_at
        granted = Image(image_hash, 1, first, until, deferred_at=self.deferred_at)
        return LeaseResult(self.refusal is None, self.refusal or granted)

    def release(self, image_hash: str, owner: str, *, refund: bool, bytes_missing: bool = False) -> None:
        self.steps.append("release" + " with refund" * refund + " as bytes_missing" * bytes_missing)

    def defer(self, image_hash: str, owner: str, began: float) -> bool:
        self.steps.append(f"put off since {began:g}")
        return self.has_its_lease

    def finish(self, image_hash: str, scan: Scan) -> Image:
        self.steps.append("finish")
        self.finished.append(scan)
        return Image(image_hash, scan=scan)

    def claim_requeue(self, image_hash: str, now: float, requeued_before: float) -> bool:
        self.claims.append(image_hash)
        return self.claimable


@dataclass
class FakeRequests:
    waiting: list[ScanRequest] = field(default_factory=list)
    stored: dict[str, ScanRequest] = field(default_factory=dict)
    settled: list[Sequence[ScanRequest]] = field(default_factory=list)
    broken: Exception | None = None

    def get(self, request_id: str) -> ScanRequest | None:
        return self.stored.get(request_id)

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        return {each: self.stored[each] for each in request_ids if each in self.stored}

    def put(self, request: ScanRequest) -> ScanRequest:
        return self.stored.setdefault(request.id, request)

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        if self.broken:
            raise self.broken
        return (request for request in self.waiting if request.image_hash == image_hash)

    def all_pending(self) -> Iterable[ScanRequest]:
        return iter(self.waiting)

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        self.settled.append(requests)


@dataclass
class FakeBucket:
    stored: StoredObject | None = field(default_factory=lambda: StoredObject(KEY, "v1", HASH, "r"))
    uploads: list[str] = field(default_factory=list)

    def find(self, key: str) -> StoredObject | None:
        return self.stored if self.stored and self.stored.key == key else None

    start: bytes = b""

    def put(self, image: ValidatedImage, request_id: str) -> None:
        self.uploads.append(f"{image.key} for {request_id}")

    def presign_upload(self, image: DeclaredImage, request_id: str, now: float) -> Upload:
        return Upload(f"https://bucket/{image.key}", {"x-amz-meta-request-id": request_id}, now + 900)

    def read_header(self, stored: StoredObject) -> bytes:
        return self.start


@dataclass
class FakeDetector:
    answer: Detection | DetectionError | Exception
    calls: int = 0

    def detect(self, stored: StoredObject) -> Detection:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class FakeQuota:
    left: int
    given_back: list[float] = field(default_factory=list)

    def take(self, now: float) -> bool:
        self.left -= 1
        return self.left >= 0

    def give_back(self, now: float) -> None:
        self.given_back.append(now)
