from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from imagescan.aws.image_bucket import UPLOAD_URL_SECONDS
from imagescan.domain.errors import NotFound
from imagescan.domain.image_record import Image, PurgeCandidate, Scan, Status
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.delete_request import delete_request
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS, purge_deleted_images

NOW = 100_000.0
LONG_AGO = NOW - PURGE_DELAY_SECONDS
REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=LONG_AGO - 9, deadline=NOW)


def finished(at: float = LONG_AGO - 5) -> Image:
    return Image("h", scan=Scan(Status.COMPLETED, at))


@dataclass
class Shelf:
    """One image in table and bucket, and the requests that wait for it; ``steps`` is what was done to them."""

    image: Image | None = field(default_factory=finished)
    marked_since: float = LONG_AGO
    waiting: list[ScanRequest] = field(default_factory=list)
    uploaded_at: float = LONG_AGO - 10
    removable: bool = True
    steps: list[str] = field(default_factory=list)

    def purge_candidates(self) -> Iterable[PurgeCandidate]:
        return [PurgeCandidate("h", self.marked_since)]

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        return {"h": self.image} if self.image else {}

    def pending_for_image(self, image_hash: str) -> Iterable[ScanRequest]:
        return iter(self.waiting)

    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        return self.uploaded_at > since

    def mark_for_purge(self, image_hash: str, now: float) -> None:
        self.steps.append(f"mark {image_hash} at {now:.0f}")


@dataclass
class Table:
    shelf: Shelf

    def remove(self, marked: PurgeCandidate, seen: Image, now: float) -> bool:
        self.shelf.steps.append("row")
        return self.shelf.removable

    def __getattr__(self, name: str) -> object:
        return getattr(self.shelf, name)


@dataclass
class Bucket:
    shelf: Shelf

    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        return self.shelf.was_uploaded_since(image_hash, since)

    def remove(self, image_hash: str, until: float) -> None:
        self.shelf.steps.append(f"bytes until {until:.0f}")


def forgotten(shelf: Shelf, time_left: float = 60) -> int:
    table: object = Table(shelf)
    return purge_deleted_images(
        images=table,  # type: ignore[arg-type]  # it hands on to the shelf what it does not do itself
        requests=shelf,
        bucket=Bucket(shelf),
        clock=lambda: NOW,
        time_left=lambda: time_left,
    )


def test_an_image_that_nobody_needs_goes_bytes_first() -> None:
    shelf = Shelf()
    assert forgotten(shelf) == 1
    assert shelf.steps == [f"bytes until {LONG_AGO:.0f}", "row"]


def test_an_image_that_was_never_scanned_goes_too() -> None:
    assert forgotten(Shelf(image=Image("h"))) == 1


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(waiting=[REQUEST]),
        Shelf(marked_since=LONG_AGO + 1),
        Shelf(image=finished(LONG_AGO + 1)),
        Shelf(image=None),
    ],
    ids=["somebody waits", "marked just now", "finished just now", "no row"],
)
def test_an_image_that_may_still_be_needed_stays_marked(shelf: Shelf) -> None:
    assert (forgotten(shelf), shelf.steps) == (0, [])


def test_an_image_that_was_uploaded_since_has_a_quiet_time_anew() -> None:
    shelf = Shelf(uploaded_at=LONG_AGO + 1)
    assert (forgotten(shelf), shelf.steps) == (0, [f"mark h at {NOW:.0f}"])


def test_no_upload_can_begin_after_its_requests_deletion_and_the_quiet_time() -> None:
    assert PURGE_DELAY_SECONDS > UPLOAD_URL_SECONDS


def test_a_row_that_changed_meanwhile_is_not_counted_as_gone() -> None:
    assert forgotten(Shelf(removable=False)) == 0


def test_it_stops_when_its_time_runs_out() -> None:
    shelf = Shelf()
    assert (forgotten(shelf, time_left=1), shelf.steps) == (0, [])


@dataclass
class Register:
    """Requests and images as deletion sees them."""

    rows: dict[str, ScanRequest]
    steps: list[str] = field(default_factory=list)

    def get(self, request_id: str) -> ScanRequest | None:
        return self.rows.get(request_id)

    def delete_request(self, request_id: str) -> None:
        self.steps.append(f"delete {request_id}")

    def mark_for_purge(self, image_hash: str, now: float) -> None:
        self.steps.append(f"mark {image_hash}")


def test_deletion_marks_the_image_before_the_request_goes() -> None:
    register = Register({"r": REQUEST})
    assert delete_request("r", images=register, requests=register, now=NOW) == REQUEST
    assert register.steps == ["mark h", "delete r"]


def test_an_unknown_request_cannot_be_deleted() -> None:
    register = Register({})
    with pytest.raises(NotFound):
        delete_request("r", images=register, requests=register, now=NOW)
    assert register.steps == []
