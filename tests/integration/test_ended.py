"""From a row that changes to an event on the bus and to the counters, through the tables' own streams."""

import json
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.totals import Totals
from tests.integration.conftest import Log
from tests.integration.functions import Answer, picture, proxy_event
from tests.integration.resources import COUNTERS, IMAGES, REQUESTS, TEMPLATE
from tests.integration.wire import Died, Mishap
from tests.integration.world import MINUTE, World, hash_of


def submitted(world: World, shade: int = 0, **fields: Any) -> str:
    return str(world.functions.submit(picture(shade), **fields).body["request_id"])


def stats(world: World) -> dict[str, Any]:
    body: dict[str, Any] = Answer(world.functions.invoke("StatsFunction", proxy_event("GET"))).body
    return {name: value for name, value in body.items() if name != "as_of"}


def announced(world: World) -> list[str]:
    return [each["request_id"] for each in world.bus.details]


def test_each_request_that_ends_is_announced_once_however_it_ended(world: World) -> None:
    scanned = submitted(world)
    world.trigger.deliver_all()
    at_once = submitted(world, label="dog")
    late = submitted(world, shade=1)
    world.resources.forget_messages()
    world.pass_time(90 * MINUTE)
    world.functions.sweep()
    world.streams.deliver_all()
    assert announced(world) == [scanned, at_once, late]
    assert [entry["DetailType"] for entry in world.bus.entries] == ["Scan Completed", "Scan Completed", "Scan Failed"]
    assert {(entry["Source"], entry["EventBusName"]) for entry in world.bus.entries} == {("imagescan", "EventBus")}
    assert world.bus.details[2]["failure"]["code"] == "timed_out"


def test_an_event_says_what_the_status_says(world: World) -> None:
    request_id = submitted(world)
    world.trigger.deliver_all()
    world.streams.deliver_all()
    [detail], body = world.bus.details, world.functions.get(request_id).body
    same = set(detail) - {"results"}
    assert {name: detail[name] for name in same} == {name: body[name] for name in same}
    [result], [answered] = detail["results"], body["results"]
    assert result == {
        "label": answered["label"],
        "matched": answered["matched"],
        "matched_by": answered["match"]["matched_by"],
        "confidence": answered["match"]["confidence"],
    }


def test_a_request_that_waits_is_not_announced(world: World) -> None:
    submitted(world)
    world.streams.deliver_all()
    assert announced(world) == []


def test_a_row_that_changes_or_goes_after_its_end_is_not_announced_again(world: World) -> None:
    request_id = submitted(world)
    world.trigger.deliver_all()
    key = {"request_id": {"S": request_id}}
    world.resources.dynamodb.update_item(
        TableName=REQUESTS,
        Key=key,
        UpdateExpression="SET #note = :note",
        ExpressionAttributeNames={"#note": "note"},
        ExpressionAttributeValues={":note": {"S": "by hand"}},
    )
    world.resources.dynamodb.delete_item(TableName=REQUESTS, Key=key)
    world.streams.deliver_all()
    assert announced(world) == [request_id]
    assert stats(world)["requests"] == 1


def test_the_filter_lets_through_what_the_function_looks_for(world: World) -> None:
    submitted(world)
    world.trigger.deliver_all()
    submitted(world)
    for source, table in (("Requests", REQUESTS), ("Images", IMAGES)):
        properties = TEMPLATE.properties("EventPublisherFunction")["Events"][source]["Properties"]
        patterns = [json.loads(each["Pattern"]) for each in properties["FilterCriteria"]["Filters"]]
        kept = [each for each in world.streams.records(table) if any(matches(each, pattern) for pattern in patterns)]
        assert len(kept) == (2 if table == REQUESTS else 1)
        answer = world.functions.invoke("EventPublisherFunction", {"Records": kept})
        assert answer == {"batchItemFailures": []}
    assert len(announced(world)) == 2
    assert stats(world)["images"] == 1


def test_stats_add_up(world: World) -> None:
    assert set(stats(world).values()) == {0}
    world.detector.damaged.add(hash_of(picture(1)))
    for shade in (0, 0, 1):
        submitted(world, shade)
    world.trigger.deliver_all()
    submitted(world, 0)
    submitted(world, 1)
    world.streams.deliver_all()
    assert stats(world) == {
        "images": 2,
        "requests": 5,
        "completed": 3,
        "failed": 2,
        "scans": sum(world.detector.calls.values()),
        "calls_saved": 3,
    }


def test_an_image_that_took_two_paid_calls_counts_as_two_scans(world: World) -> None:
    submitted(world)
    world.wire.plan({2: Mishap.DIES_AFTER})
    with pytest.raises(Died):
        world.trigger.deliver()
    world.wire.reset()
    world.recover()
    world.streams.deliver_all()
    assert (stats(world)["images"], stats(world)["scans"]) == (1, sum(world.detector.calls.values()))
    assert stats(world)["scans"] == 2


def test_what_is_told_again_is_announced_again_and_counted_once(world: World) -> None:
    request_id = submitted(world)
    world.trigger.deliver_all()
    world.streams.deliver_all()
    before = stats(world)
    world.streams.forget_progress()
    world.streams.deliver_all()
    assert announced(world) == [request_id, request_id]
    assert stats(world) == before


def test_a_refused_event_comes_again_with_all_that_follows_it(world: World) -> None:
    for shade in range(8):
        submitted(world, shade)
    world.trigger.deliver_all()
    world.bus.refuses.extend([{2}, set()])
    assert world.streams.deliver() is not None
    assert stats(world)["requests"] == 2
    world.streams.deliver_all()
    ids = {row["request_id"]["S"] for row in world.resources.rows(REQUESTS)}
    assert (len(ids), set(announced(world))) == (8, ids)
    assert stats(world)["requests"] == 8


@pytest.mark.parametrize("operation", ["PutEvents", "TransactWriteItems"])
def test_when_a_service_fails_the_whole_batch_comes_again_and_is_counted_once(
    world: World, operation: str, log: Log
) -> None:
    submitted(world)
    world.trigger.deliver_all()
    world.wire.fail(operation, "InternalServerError", 500)
    assert world.streams.deliver() is not None
    assert log.said("not_announced")
    world.wire.reset()
    world.streams.deliver_all()
    assert len(set(announced(world))) == 1
    assert stats(world)["requests"] == 1


@pytest.mark.parametrize("mishap", Mishap)
@pytest.mark.parametrize("call", [0, 1])
def test_a_crash_at_any_call_loses_no_event_and_counts_nothing_twice(world: World, call: int, mishap: Mishap) -> None:
    request_id = submitted(world)
    world.trigger.deliver_all()
    world.wire.plan({call: mishap})
    if mishap is Mishap.ANSWER_LOST:
        world.streams.deliver()
    else:
        with pytest.raises(Died):
            world.streams.deliver()
    world.wire.reset()
    world.streams.deliver_all()
    assert set(announced(world)) == {request_id}
    assert stats(world)["requests"] == 1


def test_a_row_that_cannot_be_read_fails_the_function_before_anything_is_sent(world: World) -> None:
    submitted(world)
    world.trigger.deliver_all()
    records = world.streams.records(REQUESTS)
    del records[-1]["dynamodb"]["NewImage"]["labels_asked"]
    world.wire.reset()
    with pytest.raises(KeyError):
        world.functions.invoke("EventPublisherFunction", {"Records": records})
    assert world.wire.calls == []


def test_a_batch_takes_a_call_for_six_events_and_one_to_count(world: World) -> None:
    request_id = submitted(world)
    world.resources.ask_again(request_id, 12)
    world.trigger.deliver_all()
    world.wire.reset()
    world.streams.deliver()
    assert world.wire.calls == ["PutEvents"] * 3 + ["TransactWriteItems"]


def test_a_batch_with_nothing_that_ended_takes_no_call(world: World) -> None:
    submitted(world)
    world.wire.reset()
    world.streams.deliver()
    assert world.wire.calls == []


def test_a_request_that_ends_is_a_part_of_its_story_in_the_logs(world: World, log: Log) -> None:
    request_id = submitted(world)
    world.trigger.deliver_all()
    world.streams.deliver_all()
    [line] = log.said("ended")
    assert (line["request_id"], line["image_hash"]) == (request_id, hash_of(picture()))


def test_what_is_counted_is_spread_over_rows_and_added_up(world: World) -> None:
    table = CountersTable(clients.dynamodb(), COUNTERS)
    for number in range(100):
        table.add(Totals(images=1, scans=2), f"token {number}")
    assert table.totals() == Totals(images=100, scans=200)
    assert len(world.resources.rows(COUNTERS)) == 16


def test_counting_that_is_cancelled_by_other_counting_is_tried_again(world: World) -> None:
    world.wire.fail("TransactWriteItems", "TransactionCanceledException", times=2)
    table = CountersTable(clients.dynamodb(), COUNTERS)
    table.add(Totals(completed=1), "token")
    assert (len(world.wire.calls), table.totals()) == (3, Totals(completed=1))


def test_counting_that_is_cancelled_again_and_again_is_an_error(world: World) -> None:
    world.wire.fail("TransactWriteItems", "TransactionCanceledException")
    table = CountersTable(clients.dynamodb(), COUNTERS)
    with pytest.raises(clients.dynamodb().exceptions.TransactionCanceledException):
        table.add(Totals(completed=1), "token")
    assert len(world.wire.calls) > 1


def matches(record: Any, pattern: Any) -> bool:
    """Whether a record matches a filter, as far as the template's filters go."""
    if isinstance(pattern, dict):
        return all(name in record and matches(record[name], each) for name, each in pattern.items())
    return any(record not in each["anything-but"] if isinstance(each, dict) else record == each for each in pattern)
