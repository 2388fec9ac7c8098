from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.errors import NotFound
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.get_request import RequestState, get_request
from imagescan.use_cases.get_requests import get_requests
from testing.fakes import FakeImages, FakeRequests

NOW, LATE = 1000.0, 2000.0 + GRACE_SECONDS + 1
SEEN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0")
ROWS = {"scanned": Image("scanned", scan=SEEN), "leased": Image("leased", 1, 995, 1050), "late": Image("late", 1, 1, 9)}


def made(request_id: str, image: str, owner: str | None = None) -> ScanRequest:
    return ScanRequest(request_id, image, "k", Question(("cat",), 90), created_at=900, deadline=2000, owner=owner)


def answered(request: ScanRequest) -> ScanRequest:
    return replace(with_answer(request, Image("h", scan=SEEN), NOW) or request)


STORED = [
    made("of nobody", "scanned"),
    made("of ann", "scanned", "ann"),
    made("of bob", "leased", "bob"),
    made("not yet uploaded", "absent"),
    made("being scanned", "leased"),
    answered(made("settled", "removed")),
    answered(made("settled for ann", "removed", "ann")),
]


def requests() -> FakeRequests:
    return FakeRequests(stored={row.id: row for row in STORED})


def alone(request_id: str, now: float, caller: str | None) -> RequestState | None:
    try:
        return get_request(request_id, images=FakeImages(ROWS), requests=requests(), now=now, caller=caller)
    except NotFound:
        return None


@pytest.mark.parametrize("now", [NOW, LATE])
@pytest.mark.parametrize("caller", [None, "ann", "bob"])
def test_each_of_many_stands_as_it_does_when_it_is_asked_for_by_itself(now: float, caller: str | None) -> None:
    ids = [*(row.id for row in STORED), "unknown"]
    stand = get_requests(ids, images=FakeImages(ROWS), requests=requests(), now=now, caller=caller)
    assert {key: stand.get(key) for key in ids} == {key: alone(key, now, caller) for key in ids}


@dataclass
class Counted(FakeImages):
    asked: list[Sequence[str]] = field(default_factory=list)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.asked.append(image_hashes)
        return super().get_many(image_hashes)


def test_an_image_is_read_once_and_only_for_who_waits_and_may_know() -> None:
    images = Counted(ROWS)
    ids = [row.id for row in STORED]
    get_requests(ids, images=images, requests=requests(), now=NOW, caller="ann")
    assert images.asked == [["absent", "leased", "scanned"]]
    get_requests(["of bob", "settled"], images=images, requests=requests(), now=NOW, caller="ann")
    assert images.asked[1:] == [[]]


@dataclass
class SettledMeanwhile(FakeImages):
    """Image rows that were removed, because their requests were settled after they were read."""

    requests: FakeRequests = field(default_factory=FakeRequests)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.requests.stored |= {key: answered(row) for key, row in self.requests.stored.items()}
        return {}


def test_a_request_that_was_settled_and_lost_its_image_meanwhile_has_not_timed_out() -> None:
    read = requests()
    stand = get_requests(["of nobody"], images=SettledMeanwhile(requests=read), requests=read, now=LATE, caller=None)
    assert stand == {"of nobody": RequestState(answered(made("of nobody", "scanned")))}


@dataclass
class DeletedMeanwhile(FakeImages):
    requests: FakeRequests = field(default_factory=FakeRequests)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.requests.stored.clear()
        return {}


def test_a_request_that_was_deleted_after_it_was_read_stands_as_it_did() -> None:
    read = requests()
    stand = get_requests(["of nobody"], images=DeletedMeanwhile(requests=read), requests=read, now=LATE, caller=None)
    assert stand["of nobody"].has_timed_out
