"""From a item that changes to an event on the bus and to the counters, through the tables' own streams."""

import json
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.domain.stats import Totals
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault, Killed
from testing.resources import COUNTERS, IMAGES, REQUESTS, TEMPLATE
from tests.integration.conftest import Log


def submitted(env: MotoEnvironment, shade: int = 0, **fields: Any) -> str:
    return str(env.functions.submit(image_bytes(shade), **fields).body["request_id"])


def stats(env: MotoEnvironment) -> dict[str, Any]:
    body: dict[str, Any] = ApiResponse(env.functions.invoke("StatsFunction", proxy_event("GET"))).body
    return {name: value for name, value in body.items() if name != "as_of"}


def announced(env: MotoEnvironment) -> list[str]:
    return [each["request_id"] for each in env.bus.details]


def test_each_request_that_ends_is_announced_once_however_it_ended(env: MotoEnvironment) -> None:
    scanned = submitted(env)
    env.trigger.deliver_all()
    at_once = submitted(env, label="dog")
    late = submitted(env, shade=1)
    env.resources.delete_messages()
    env.pass_time(90 * MINUTE)
    env.functions.sweep()
    env.streams.deliver_all()
    assert announced(env) == [scanned, at_once, late]
    assert [entry["DetailType"] for entry in env.bus.entries] == ["Scan Completed", "Scan Completed", "Scan Failed"]
    assert {(entry["Source"], entry["EventBusName"]) for entry in env.bus.entries} == {("imagescan", "EventBus")}
    assert env.bus.details[2]["failure"]["code"] == "timed_out"


def test_an_event_says_what_the_status_says(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    [detail], body = env.bus.details, env.functions.get(request_id).body
    same = set(detail) - {"results"}
    assert {name: detail[name] for name in same} == {name: body[name] for name in same}
    [result], [answered] = detail["results"], body["results"]
    assert result == {
        "label": answered["label"],
        "matched": answered["matched"],
        "matched_by": answered["match"]["matched_by"],
        "confidence": answered["match"]["confidence"],
    }


def test_a_request_that_waits_is_not_announced(env: MotoEnvironment) -> None:
    submitted(env)
    env.streams.deliver_all()
    assert announced(env) == []


def test_a_row_that_changes_or_goes_after_its_end_is_not_announced_again(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    key = {"request_id": {"S": request_id}}
    env.resources.dynamodb.update_item(
        TableName=REQUESTS,
        Key=key,
        UpdateExpression="SET #note = :note",
        ExpressionAttributeNames={"#note": "note"},
        ExpressionAttributeValues={":note": {"S": "by hand"}},
    )
    env.resources.dynamodb.delete_item(TableName=REQUESTS, Key=key)
    env.streams.deliver_all()
    assert announced(env) == [request_id]
    assert stats(env)["requests"] == 1


def test_the_filter_lets_through_what_the_function_looks_for(env: MotoEnvironment) -> None:
    submitted(env)
    env.trigger.deliver_all()
    submitted(env)
    for source, table in (("Requests", REQUESTS), ("Images", IMAGES)):
        properties = TEMPLATE.properties("EventPublisherFunction")["Events"][source]["Properties"]
        patterns = [json.loads(each["Pattern"]) for each in properties["FilterCriteria"]["Filters"]]
        kept = [each for each in env.streams.records(table) if any(matches(each, pattern) for pattern in patterns)]
        assert len(kept) == (2 if table == REQUESTS else 1)
        answer = env.functions.invoke("EventPublisherFunction", {"Records": kept})
        assert answer == {"batchItemFailures": []}
    assert len(announced(env)) == 2
    assert stats(env)["images"] == 1


def test_stats_add_up(env: MotoEnvironment) -> None:
    assert set(stats(env).values()) == {0}
    env.detector.unreadable.add(hash_of(image_bytes(1)))
    for shade in (0, 0, 1):
        submitted(env, shade)
    env.trigger.deliver_all()
    submitted(env, 0)
    submitted(env, 1)
    env.streams.deliver_all()
    assert stats(env) == {
        "images": 2,
        "requests": 5,
        "completed": 3,
        "failed": 2,
        "scans": sum(env.detector.calls.values()),
        "scans_avoided": 3,
    }


def test_an_image_that_took_two_paid_calls_counts_as_two_scans(env: MotoEnvironment) -> None:
    submitted(env)
    env.transport.inject({2: InjectedFault.KILL_AFTER})
    with pytest.raises(Killed):
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    env.streams.deliver_all()
    assert (stats(env)["images"], stats(env)["scans"]) == (1, sum(env.detector.calls.values()))
    assert stats(env)["scans"] == 2


def test_what_is_told_again_is_announced_again_and_counted_once(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    before = stats(env)
    env.streams.rewind()
    env.streams.deliver_all()
    assert announced(env) == [request_id, request_id]
    assert stats(env) == before


def test_a_refused_event_comes_again_with_all_that_follows_it(env: MotoEnvironment) -> None:
    for shade in range(8):
        submitted(env, shade)
    env.trigger.deliver_all()
    env.bus.rejections.extend([{2}, set()])
    assert env.streams.deliver() is not None
    assert stats(env)["requests"] == 2
    env.streams.deliver_all()
    ids = {item["request_id"]["S"] for item in env.resources.items(REQUESTS)}
    assert (len(ids), set(announced(env))) == (8, ids)
    assert stats(env)["requests"] == 8


@pytest.mark.parametrize("operation", ["PutEvents", "TransactWriteItems"])
def test_when_a_service_fails_the_whole_batch_comes_again_and_is_counted_once(
    env: MotoEnvironment, operation: str, log: Log
) -> None:
    submitted(env)
    env.trigger.deliver_all()
    env.transport.fail(operation, "InternalServerError", 500)
    assert env.streams.deliver() is not None
    assert log.messages("publish_failed")
    env.transport.reset()
    env.streams.deliver_all()
    assert len(set(announced(env))) == 1
    assert stats(env)["requests"] == 1


@pytest.mark.parametrize("fault", InjectedFault)
@pytest.mark.parametrize("call", [0, 1])
def test_a_crash_at_any_call_loses_no_event_and_counts_nothing_twice(
    env: MotoEnvironment, call: int, fault: InjectedFault
) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    env.transport.inject({call: fault})
    if fault is InjectedFault.RESPONSE_LOST:
        env.streams.deliver()
    else:
        with pytest.raises(Killed):
            env.streams.deliver()
    env.transport.reset()
    env.streams.deliver_all()
    assert set(announced(env)) == {request_id}
    assert stats(env)["requests"] == 1


def test_a_row_that_cannot_be_read_fails_the_function_before_anything_is_sent(env: MotoEnvironment) -> None:
    submitted(env)
    env.trigger.deliver_all()
    records = env.streams.records(REQUESTS)
    del records[-1]["dynamodb"]["NewImage"]["labels_asked"]
    env.transport.reset()
    with pytest.raises(KeyError):
        env.functions.invoke("EventPublisherFunction", {"Records": records})
    assert env.transport.calls == []


def test_a_batch_takes_a_call_for_six_events_and_one_to_count(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.resources.copy_request(request_id, 12)
    env.trigger.deliver_all()
    env.transport.reset()
    env.streams.deliver()
    assert env.transport.calls == ["PutEvents"] * 3 + ["TransactWriteItems"]


def test_a_batch_with_nothing_that_ended_takes_no_call(env: MotoEnvironment) -> None:
    submitted(env)
    env.transport.reset()
    env.streams.deliver()
    assert env.transport.calls == []


def test_a_request_that_ends_is_a_part_of_its_story_in_the_logs(env: MotoEnvironment, log: Log) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    [line] = log.messages("request_finished")
    assert (line["request_id"], line["image_hash"]) == (request_id, hash_of(image_bytes()))


def test_what_is_counted_is_spread_over_rows_and_added_up(env: MotoEnvironment) -> None:
    table = CountersTable(clients.dynamodb(), COUNTERS)
    for number in range(100):
        table.add(Totals(images=1, scans=2), f"token {number}")
    assert table.totals() == Totals(images=100, scans=200)
    assert len(env.resources.items(COUNTERS)) == 16


def test_counting_that_is_cancelled_by_other_counting_is_tried_again(env: MotoEnvironment) -> None:
    env.transport.fail("TransactWriteItems", "TransactionCanceledException", times=2)
    table = CountersTable(clients.dynamodb(), COUNTERS)
    table.add(Totals(completed=1), "token")
    assert (len(env.transport.calls), table.totals()) == (3, Totals(completed=1))


def test_counting_that_is_cancelled_again_and_again_is_an_error(env: MotoEnvironment) -> None:
    env.transport.fail("TransactWriteItems", "TransactionCanceledException")
    table = CountersTable(clients.dynamodb(), COUNTERS)
    with pytest.raises(clients.dynamodb().exceptions.TransactionCanceledException):
        table.add(Totals(completed=1), "token")
    assert len(env.transport.calls) > 1


def matches(record: Any, pattern: Any) -> bool:
    """Whether a record matches a filter, as far as the template's filters go."""
    if isinstance(pattern, dict):
        return all(name in record and matches(record[name], each) for name, each in pattern.items())
    return any(record not in each["anything-but"] if isinstance(each, dict) else record == each for each in pattern)
