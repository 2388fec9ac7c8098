from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.errors import NotFound
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.get_request import get_request
from testing.fakes import FakeImages, FakeRequests, by_feature

LATE = 4600 + GRACE_SECONDS + 1
SCAN = Scan(Status.COMPLETED, 990, (Label("Cat", 97),), "3.0", scanned_for="earlier")
PENDING = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=1000, deadline=4600)


def settled() -> ScanRequest:
    request = with_answer(PENDING, by_feature(Image("h", scan=SCAN)), 1001)
    assert request
    return request


def test_a_settled_request_is_returned_without_its_image() -> None:
    requests = FakeRequests(stored={"r": settled()})
    state = get_request("r", images=FakeImages({"h": Image("h")}), requests=requests, now=9999)
    assert (state.request, state.items) == (settled(), None)


def test_the_image_of_a_settled_request_is_read_on_request() -> None:
    requests, images = FakeRequests(stored={"r": settled()}), FakeImages({"h": Image("h", attempts=1, scan=SCAN)})
    state = get_request("r", images=images, requests=requests, now=9999, with_image=True)
    assert state.items == by_feature(images.items["h"])


def test_the_status_of_a_pending_request_is_derived_from_its_image() -> None:
    requests = FakeRequests(stored={"r": PENDING})
    assert get_request("r", images=FakeImages(), requests=requests, now=1002).request == PENDING
    image = Image("h", scan=replace(SCAN, finished_at=1001))
    found = get_request("r", images=FakeImages({"h": image}), requests=requests, now=1002).request
    assert found.answer
    assert found.answer.status is Status.COMPLETED


def test_a_request_past_its_deadline_and_the_grace_period_has_failed() -> None:
    found = get_request("r", images=FakeImages(), requests=FakeRequests(stored={"r": PENDING}), now=LATE).request
    assert found.answer
    assert found.answer.status is Status.FAILED


@dataclass
class SettledMeanwhile(FakeImages):
    """Images that were purged, because the request was settled after it was read."""

    requests: FakeRequests = field(default_factory=FakeRequests)

    def get(self, image_hash: str) -> Image | None:
        self.requests.stored["r"] = settled()
        return None


def test_a_request_that_was_settled_and_whose_image_was_purged_meanwhile_has_not_timed_out() -> None:
    requests = FakeRequests(stored={"r": PENDING})
    assert (
        get_request("r", images=SettledMeanwhile(requests=requests), requests=requests, now=LATE).request == settled()
    )


def test_an_unknown_id_is_not_found() -> None:
    with pytest.raises(NotFound):
        get_request("unknown", images=FakeImages(), requests=FakeRequests(), now=1000)


@pytest.mark.parametrize("caller", [None, "bob"])
def test_a_request_of_another_caller_is_not_found(caller: str | None) -> None:
    requests = FakeRequests(stored={"r": replace(PENDING, owner="ann")})
    assert get_request("r", images=FakeImages(), requests=requests, now=1000, caller="ann").request.owner == "ann"
    with pytest.raises(NotFound):
        get_request("r", images=FakeImages(), requests=requests, now=1000, caller=caller)
