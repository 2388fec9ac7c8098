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
from testing.fakes import FakeImages, FakeRequests, by_feature

NOW, LATE = 1000.0, 2000.0 + GRACE_SECONDS + 1
SCAN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0")
IMAGES = {
    "scanned": Image("scanned", scan=SCAN),
    "leased": Image("leased", 1, 995, 1050),
    "late": Image("late", 1, 1, 9),
}


def request_for(request_id: str, image: str, owner: str | None = None) -> ScanRequest:
    return ScanRequest(request_id, image, "k", Question(("cat",), 90), created_at=900, deadline=2000, owner=owner)


def answered(request: ScanRequest) -> ScanRequest:
    return replace(with_answer(request, by_feature(Image("h", scan=SCAN)), NOW) or request)


STORED = [
    request_for("without owner", "scanned"),
    request_for("of ann", "scanned", "ann"),
    request_for("of bob", "leased", "bob"),
    request_for("not yet uploaded", "absent"),
    request_for("being scanned", "leased"),
    answered(request_for("settled", "removed")),
    answered(request_for("settled for ann", "removed", "ann")),
]


def stored_requests() -> FakeRequests:
    return FakeRequests(stored={request.id: request for request in STORED})


def get_one(request_id: str, now: float, caller: str | None) -> RequestState | None:
    try:
        return get_request(request_id, images=FakeImages(IMAGES), requests=stored_requests(), now=now, caller=caller)
    except NotFound:
        return None


@pytest.mark.parametrize("now", [NOW, LATE])
@pytest.mark.parametrize("caller", [None, "ann", "bob"])
def test_each_of_several_requests_has_the_same_state_as_on_its_own(now: float, caller: str | None) -> None:
    ids = [*(request.id for request in STORED), "unknown"]
    states = get_requests(ids, images=FakeImages(IMAGES), requests=stored_requests(), now=now, caller=caller)
    assert {key: states.get(key) for key in ids} == {key: get_one(key, now, caller) for key in ids}


def test_an_image_is_read_once_and_only_for_pending_requests_that_the_caller_may_read() -> None:
    images = FakeImages(IMAGES)
    ids = [request.id for request in STORED]
    get_requests(ids, images=images, requests=stored_requests(), now=NOW, caller="ann")
    assert images.reads == [("absent", "leased", "scanned")]
    get_requests(["of bob", "settled"], images=images, requests=stored_requests(), now=NOW, caller="ann")
    assert images.reads[1:] == [()]


@dataclass
class SettledMeanwhile(FakeImages):
    """Images that were purged, because their requests were settled after they were read."""

    requests: FakeRequests = field(default_factory=FakeRequests)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.requests.stored |= {key: answered(request) for key, request in self.requests.stored.items()}
        return {}


def test_a_request_that_was_settled_and_whose_image_was_purged_meanwhile_has_not_timed_out() -> None:
    requests, images = stored_requests(), SettledMeanwhile()
    images.requests = requests
    states = get_requests(["without owner"], images=images, requests=requests, now=LATE, caller=None)
    assert states == {"without owner": RequestState(answered(request_for("without owner", "scanned")), {})}


@dataclass
class DeletedMeanwhile(FakeImages):
    requests: FakeRequests = field(default_factory=FakeRequests)

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.requests.stored.clear()
        return {}


def test_a_request_that_was_deleted_after_it_was_read_keeps_the_state_that_was_read() -> None:
    requests = stored_requests()
    images = DeletedMeanwhile(requests=requests)
    states = get_requests(["without owner"], images=images, requests=requests, now=LATE, caller=None)
    assert states["without owner"].request.answer
