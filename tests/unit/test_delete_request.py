from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.errors import NotFound
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Possession, PossessionKey
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.delete_request import delete_request

NOW = 100_000.0
REQUEST = ScanRequest("r", "h", "images/h.png", Question(("cat",), 90), created_at=NOW - 9, deadline=NOW, owner="ann")


@dataclass
class FakeTables:
    """The tables of requests and images. ``steps`` records the writes in order."""

    requests: dict[str, ScanRequest]
    possessed: tuple[Possession, ...] = (Possession("ann", "h", NOW - 9, "r"),)
    steps: list[str] = field(default_factory=list)

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        return {each.key: each for each in self.possessed if each.key in keys}

    def get(self, request_id: str) -> ScanRequest | None:
        return self.requests.get(request_id)

    def delete(self, request: ScanRequest, now: float) -> None:
        self.steps.append(f"delete {request.id}")

    def mark_for_purge(self, key: str, now: float) -> None:
        self.steps.append(f"mark {key}")


def test_the_image_is_marked_before_the_request_is_deleted() -> None:
    tables = FakeTables({"r": REQUEST})
    assert delete_request("r", images=tables, requests=tables, now=NOW, caller="ann") == REQUEST
    assert tables.steps == ["mark h", "delete r"]


def test_the_upload_of_the_request_is_marked_as_well() -> None:
    tables = FakeTables({"r": replace(REQUEST, awaits_upload=True, image_key="uploads/r/h.png")})
    delete_request("r", images=tables, requests=tables, now=NOW, caller="ann")
    assert tables.steps == ["mark uploads/r/h.png", "mark h", "delete r"]


def test_the_posted_bytes_of_a_request_for_several_features_are_marked_as_well() -> None:
    question = Question((), 90, others=((Feature.TEXT, ("sale",)),))
    tables = FakeTables({"r": replace(REQUEST, question=question, image_key="uploads/r/h.png")})
    delete_request("r", images=tables, requests=tables, now=NOW, caller="ann")
    assert tables.steps == ["mark uploads/r/h.png", "mark h", "delete r"]


def test_an_owner_without_the_image_cannot_have_it_purged() -> None:
    tables = FakeTables({"r": replace(REQUEST, awaits_upload=True, image_key="uploads/r/h.png")}, possessed=())
    delete_request("r", images=tables, requests=tables, now=NOW, caller="ann")
    assert tables.steps == ["mark uploads/r/h.png", "delete r"]


def test_without_authentication_every_deletion_marks_the_image() -> None:
    tables = FakeTables({"r": replace(REQUEST, owner=None)}, possessed=())
    delete_request("r", images=tables, requests=tables, now=NOW)
    assert tables.steps == ["mark h", "delete r"]


@pytest.mark.parametrize(("request_id", "caller"), [("unknown", "ann"), ("r", "bob"), ("r", None)])
def test_an_unknown_request_and_one_of_another_caller_cannot_be_deleted(request_id: str, caller: str | None) -> None:
    tables = FakeTables({"r": REQUEST})
    with pytest.raises(NotFound):
        delete_request(request_id, images=tables, requests=tables, now=NOW, caller=caller)
    assert tables.steps == []
