from dataclasses import replace

import pytest

from imagescan.aws import clients
from imagescan.aws.requests_table import RequestsTable
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.question import Question, evaluate
from imagescan.domain.scan_request import TIMED_OUT, Answer, ScanRequest, with_answer
from testing.fakes import by_feature
from testing.moto_environment import MotoEnvironment
from testing.recording_transport import InjectedFault
from testing.resources import REQUESTS

HASH = "ab" * 32
REQUEST = ScanRequest("r", HASH, f"images/{HASH}.png", Question(("cat",), 90.5), created_at=1000.125, deadline=4600.125)
LABELS = (Label("Cat", 97.25, ("Animal",), ("Feline",)), Label("Car", 80.0), Label("Dog", 60.0), Label("Tree", 50.0))
COMPLETED_SCAN = Scan(Status.COMPLETED, 1010.5, LABELS, "3.0", scanned_for="r")
FAILED_SCAN = Scan(Status.FAILED, 1010.5, failure=Failure("image_invalid", "It cannot be read."))


def completed(*asked: str, scan: Scan = COMPLETED_SCAN) -> Answer:
    """Return the answer to the question for these labels."""
    verdict = evaluate(Question(asked, 90), {Feature.LABELS: scan.findings})
    return Answer(Status.COMPLETED, 1010.5, (scan,), verdict)


ANSWERS = {
    "found": completed("cat"),
    "found by its parent": completed("animal"),
    "not found": completed("car"),
    "one found, one not": completed("car", "cat"),
    "no labels": completed("car", scan=replace(COMPLETED_SCAN, findings=())),
    "failed": Answer(Status.FAILED, 1010.5, (FAILED_SCAN,), failure=FAILED_SCAN.failure),
    "timed out": Answer(Status.FAILED, 4600.125, failure=TIMED_OUT),
}


@pytest.fixture
def table(env: MotoEnvironment) -> RequestsTable:
    assert env.resources.items(REQUESTS) == []
    return RequestsTable(clients.dynamodb(), REQUESTS, retention_seconds=86_400)


def store(table: RequestsTable, count: int) -> list[ScanRequest]:
    """Store this many pending requests."""
    requests = [replace(REQUEST, id=f"r{number}") for number in range(count)]
    for request in requests:
        table.put(request)
    return requests


def with_scan_answer(request: ScanRequest) -> ScanRequest:
    answer = with_answer(request, by_feature(Image(HASH, scan=COMPLETED_SCAN)), 1011)
    assert answer
    return answer


def all_pending(table: RequestsTable) -> list[ScanRequest]:
    return [request for page in table.pending_pages(None) for request in page.requests]


def pending_ids(table: RequestsTable) -> set[str]:
    return {request.id for request in table.pending_for_image(HASH)}


def test_a_pending_request_is_read_as_stored(table: RequestsTable) -> None:
    table.put(REQUEST)
    assert table.get("r") == REQUEST
    assert list(table.pending_for_image(HASH)) == all_pending(table) == [REQUEST]
    assert list(table.pending_for_image("cd" * 32)) == []


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_as_stored(table: RequestsTable, name: str) -> None:
    request = replace(REQUEST, answer=ANSWERS[name])
    table.put(request)
    assert table.get("r") == request
    assert pending_ids(table) == set()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_as_settled(table: RequestsTable, name: str) -> None:
    table.put(REQUEST)
    table.settle([replace(REQUEST, answer=ANSWERS[name])])
    assert table.get("r") == replace(REQUEST, answer=ANSWERS[name])
    assert pending_ids(table) == set()


def test_an_item_with_an_unknown_attribute_is_read(table: RequestsTable, env: MotoEnvironment) -> None:
    table.put(REQUEST)
    [item] = env.resources.items(REQUESTS)
    env.resources.dynamodb.put_item(TableName=REQUESTS, Item=item | {"image_key": {"S": REQUEST.image_key}})
    assert table.get("r") == REQUEST


def test_an_unknown_request_has_no_item(table: RequestsTable) -> None:
    assert table.get("unknown") is None


def test_an_item_has_an_expiry_time(table: RequestsTable, env: MotoEnvironment) -> None:
    table.put(REQUEST)
    [item] = env.resources.items(REQUESTS)
    assert item["expires_at"] == {"N": str(1000 + 86_400)}


def test_a_repeated_put_does_not_change_the_item(table: RequestsTable) -> None:
    table.put(REQUEST)
    table.settle([with_scan_answer(REQUEST)])
    table.put(REQUEST)
    assert table.get("r") == with_scan_answer(REQUEST)


def test_a_put_with_a_lost_response_takes_effect(table: RequestsTable, env: MotoEnvironment) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    table.put(REQUEST)
    assert table.get("r") == REQUEST


@pytest.mark.parametrize("count", [1, 2, 25])
def test_up_to_25_requests_are_settled_in_one_call(table: RequestsTable, env: MotoEnvironment, count: int) -> None:
    requests = store(table, count)
    env.transport.reset()
    table.settle([with_scan_answer(request) for request in requests])
    assert len(env.transport.calls) == 1
    assert pending_ids(table) == set()
    assert table.get(requests[-1].id) == with_scan_answer(requests[-1])


def test_an_already_settled_request_does_not_block_the_others(table: RequestsTable) -> None:
    requests = store(table, 3)
    timed_out = replace(requests[1], answer=ANSWERS["timed out"])
    table.settle([timed_out])
    table.settle([with_scan_answer(request) for request in requests])
    assert [table.get(request.id) for request in requests] == [
        with_scan_answer(requests[0]),
        timed_out,
        with_scan_answer(requests[2]),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_settling_with_a_lost_response_takes_effect(table: RequestsTable, env: MotoEnvironment, count: int) -> None:
    requests = store(table, count)
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    table.settle([with_scan_answer(request) for request in requests])
    assert [table.get(request.id) for request in requests] == [with_scan_answer(request) for request in requests]


def test_a_request_without_an_answer_cannot_be_settled(table: RequestsTable) -> None:
    with pytest.raises(ValueError, match="has no answer"):
        table.settle([REQUEST])


@pytest.mark.parametrize("read", [all_pending, lambda table: table.pending_for_image(HASH)])
def test_pending_requests_are_read_page_by_page(table: RequestsTable, env: MotoEnvironment, read: object) -> None:
    """A page of a query has at most 1 MB."""
    store(table, 1)
    [item] = env.resources.items(REQUESTS)
    for number in range(1, 12):
        big = item | {"request_id": {"S": f"r{number}"}, "padding": {"S": "x" * 200_000}}
        env.resources.dynamodb.put_item(TableName=REQUESTS, Item=big)
    env.transport.reset()
    assert callable(read)
    assert {request.id for request in read(table)} == {f"r{number}" for number in range(12)}
    assert len(env.transport.calls) == 3


def test_a_page_has_at_most_100_requests_and_the_position_of_its_start(
    table: RequestsTable, env: MotoEnvironment
) -> None:
    store(table, 150)
    env.transport.reset()
    first, second = table.pending_pages(None)
    assert env.transport.calls == ["Scan", "Scan"]
    assert (first.start, len(first.requests), len(second.requests)) == (None, 100, 50)
    assert list(table.pending_pages(second.start)) == [second]


def test_a_position_whose_request_was_deleted_is_valid(table: RequestsTable) -> None:
    store(table, 150)
    first, second = table.pending_pages(None)
    for request in first.requests:
        table.delete(request, request.created_at)
    assert list(table.pending_pages(second.start)) == [second]


def test_malformed_items_are_left_out_and_reported_by_the_sweeper(table: RequestsTable, env: MotoEnvironment) -> None:
    store(table, 2)
    for item in env.resources.items(REQUESTS):
        if item["request_id"]["S"] == "r0":
            malformed = {name: value for name, value in item.items() if name != "labels_asked"}
            env.resources.dynamodb.put_item(TableName=REQUESTS, Item=malformed)
    assert pending_ids(table) == {"r1"}
    [page] = table.pending_pages(None)
    assert ([request.id for request in page.requests], page.malformed) == (["r1"], ("r0",))
