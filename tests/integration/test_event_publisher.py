"""From a changed item to the event bus and the counters, through the streams of the tables."""

import json
from base64 import b64encode
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.domain.stats import Totals
from testing.fake_rekognition import moderation_label, text_line
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault, Killed
from testing.resources import COUNTERS, IMAGES, REQUESTS, TEMPLATE
from tests.integration.conftest import Log


def submit(env: MotoEnvironment, shade: int = 0, **fields: Any) -> str:
    return str(env.functions.submit(image_bytes(shade), **fields).body["request_id"])


def stats(env: MotoEnvironment) -> dict[str, Any]:
    """Return the counts of all features together."""
    body: dict[str, Any] = ApiResponse(env.functions.invoke("StatsFunction", proxy_event("GET"))).body
    return {name: value for name, value in body.items() if name not in {"as_of", "by_feature", "scans_avoided_by"}}


def published_ids(env: MotoEnvironment) -> list[str]:
    return [each["request_id"] for each in env.bus.details]


def test_each_finished_request_is_published_once_whatever_its_outcome(env: MotoEnvironment) -> None:
    scanned = submit(env)
    env.trigger.deliver_all()
    known = submit(env, label="dog")
    late = submit(env, shade=1)
    env.resources.delete_messages()
    env.pass_time(90 * MINUTE)
    env.functions.sweep()
    env.streams.deliver_all()
    assert published_ids(env) == [scanned, known, late]
    assert [entry["DetailType"] for entry in env.bus.entries] == ["Scan Completed", "Scan Completed", "Scan Failed"]
    assert {(entry["Source"], entry["EventBusName"]) for entry in env.bus.entries} == {("imagescan", "EventBus")}
    assert env.bus.details[2]["failure"]["code"] == "timed_out"


def test_a_request_with_moderation_labels_and_text_is_published_and_counted(env: MotoEnvironment) -> None:
    image = image_bytes()
    env.detector.moderation[hash_of(image)] = [moderation_label("Alcohol")]
    env.detector.text[hash_of(image)] = text_line("OPEN")
    body = {"file": b64encode(image).decode(), "fileType": "image/png", "moderation": ["*"], "text": ["open"]}
    request_id = env.functions.post(body).body["request_id"]
    env.trigger.deliver_all()
    env.streams.deliver_all()
    [detail] = env.bus.details
    assert (detail["request_id"], detail["label_matched"]) == (request_id, True)
    assert [(each["feature"], each["matched_by"]) for each in detail["results"]] == [
        ("moderation", "any"),
        ("text", "text"),
    ]
    assert (stats(env)["completed"], stats(env)["scans"]) == (1, 2)


def test_an_event_has_the_values_of_the_response(env: MotoEnvironment) -> None:
    request_id = submit(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    [detail], body = env.bus.details, env.functions.get(request_id).body
    shared = set(detail) - {"results"}
    assert {name: detail[name] for name in shared} == {name: body[name] for name in shared}
    [result], [expected] = detail["results"], body["results"]
    assert result == {
        "feature": expected["feature"],
        "label": expected["label"],
        "matched": expected["matched"],
        "matched_by": expected["match"]["matched_by"],
        "confidence": expected["match"]["confidence"],
    }


def test_a_pending_request_is_not_published(env: MotoEnvironment) -> None:
    submit(env)
    env.streams.deliver_all()
    assert published_ids(env) == []


def test_a_change_or_deletion_of_a_finished_item_is_not_published_again(env: MotoEnvironment) -> None:
    request_id = submit(env)
    env.trigger.deliver_all()
    key = {"request_id": {"S": request_id}}
    env.resources.dynamodb.update_item(
        TableName=REQUESTS,
        Key=key,
        UpdateExpression="SET #note = :note",
        ExpressionAttributeNames={"#note": "note"},
        ExpressionAttributeValues={":note": {"S": "manual change"}},
    )
    env.resources.dynamodb.delete_item(TableName=REQUESTS, Key=key)
    env.streams.deliver_all()
    assert published_ids(env) == [request_id]
    assert stats(env)["requests"] == 1


def test_the_event_filter_passes_the_records_that_the_function_needs(env: MotoEnvironment) -> None:
    submit(env)
    env.trigger.deliver_all()
    submit(env)
    for source, table in (("Requests", REQUESTS), ("Images", IMAGES)):
        properties = TEMPLATE.properties("EventPublisherFunction")["Events"][source]["Properties"]
        patterns = [json.loads(each["Pattern"]) for each in properties["FilterCriteria"]["Filters"]]
        matching = [each for each in env.streams.records(table) if any(matches(each, pattern) for pattern in patterns)]
        assert len(matching) == 2  # requests; or the image, and its content, which is not counted
        response = env.functions.invoke("EventPublisherFunction", {"Records": matching})
        assert response == {"batchItemFailures": []}
    assert len(published_ids(env)) == 2
    assert stats(env)["images"] == 1


def test_the_event_filter_passes_the_exhaustion_of_an_image(env: MotoEnvironment) -> None:
    key = {"image_hash": {"S": hash_of(image_bytes(0))}}
    item = key | {"status": {"S": "pending"}, "attempts": {"SS": ["a", "b"]}}
    env.resources.dynamodb.put_item(TableName=IMAGES, Item=item)
    for change in ({"is_exhausted": {"BOOL": True}}, {"note": {"S": "changed while it is exhausted"}}):
        item |= change
        env.resources.dynamodb.put_item(TableName=IMAGES, Item=item)
    properties = TEMPLATE.properties("EventPublisherFunction")["Events"]["Images"]["Properties"]
    patterns = [json.loads(each["Pattern"]) for each in properties["FilterCriteria"]["Filters"]]
    matching = [each for each in env.streams.records(IMAGES) if any(matches(each, pattern) for pattern in patterns)]
    assert len(matching) == 2
    assert env.functions.invoke("EventPublisherFunction", {"Records": matching}) == {"batchItemFailures": []}
    assert (stats(env)["images"], stats(env)["scans"]) == (0, 2)


def test_stats_add_up(env: MotoEnvironment) -> None:
    assert set(stats(env).values()) == {0}
    env.detector.unreadable.add(hash_of(image_bytes(1)))
    for shade in (0, 0, 1):
        submit(env, shade)
    env.trigger.deliver_all()
    submit(env, 0)
    submit(env, 1)
    env.streams.deliver_all()
    assert stats(env) == {
        "images": 2,
        "requests": 5,
        "completed": 3,
        "failed": 2,
        "scans": sum(env.detector.calls.values()),
        "scans_avoided": 3,
    }


def test_two_paid_calls_for_an_image_count_as_two_scans(env: MotoEnvironment) -> None:
    submit(env)
    env.transport.inject_into("DetectLabels", InjectedFault.KILL_AFTER)
    with pytest.raises(Killed):
        env.trigger.deliver()
    env.transport.reset()
    env.recover()
    env.streams.deliver_all()
    assert (stats(env)["images"], stats(env)["scans"]) == (1, sum(env.detector.calls.values()))
    assert stats(env)["scans"] == 2


def test_records_that_are_delivered_again_are_published_again_and_counted_once(env: MotoEnvironment) -> None:
    request_id = submit(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    before = stats(env)
    env.streams.rewind()
    env.streams.deliver_all()
    assert published_ids(env) == [request_id, request_id]
    assert stats(env) == before


def test_a_rejected_event_is_retried_with_all_later_events(env: MotoEnvironment) -> None:
    for shade in range(8):
        submit(env, shade)
    env.trigger.deliver_all()
    env.bus.rejections.extend([{2}, set()])
    assert env.streams.deliver() is not None
    assert stats(env)["requests"] == 2
    env.streams.deliver_all()
    ids = {item["request_id"]["S"] for item in env.resources.items(REQUESTS)}
    assert (len(ids), set(published_ids(env))) == (8, ids)
    assert stats(env)["requests"] == 8


@pytest.mark.parametrize("operation", ["PutEvents", "TransactWriteItems"])
def test_a_batch_is_retried_when_a_service_fails_and_counted_once(
    env: MotoEnvironment, operation: str, log: Log
) -> None:
    submit(env)
    env.trigger.deliver_all()
    env.transport.fail(operation, "InternalServerError", 500)
    assert env.streams.deliver() is not None
    assert log.messages("publish_failed")
    env.transport.reset()
    env.streams.deliver_all()
    assert len(set(published_ids(env))) == 1
    assert stats(env)["requests"] == 1


@pytest.mark.parametrize("fault", InjectedFault)
@pytest.mark.parametrize("call", [0, 1])
def test_a_crash_in_any_call_loses_no_event_and_counts_nothing_twice(
    env: MotoEnvironment, call: int, fault: InjectedFault
) -> None:
    request_id = submit(env)
    env.trigger.deliver_all()
    env.transport.inject({call: fault})
    if fault is InjectedFault.RESPONSE_LOST:
        env.streams.deliver()
    else:
        with pytest.raises(Killed):
            env.streams.deliver()
    env.transport.reset()
    env.streams.deliver_all()
    assert set(published_ids(env)) == {request_id}
    assert stats(env)["requests"] == 1


@pytest.mark.parametrize("attribute", ["labels_asked", "completed_at"])
def test_a_malformed_record_is_reported_and_does_not_block_its_shard(
    env: MotoEnvironment, log: Log, attribute: str
) -> None:
    malformed_id, request_id = submit(env, 1), submit(env, 2)
    env.trigger.deliver_all()
    records = env.streams.records(REQUESTS)
    for record in records:
        if malformed_id in json.dumps(record):
            record["dynamodb"]["NewImage"].pop(attribute, None)
    assert env.functions.invoke("EventPublisherFunction", {"Records": records}) == {"batchItemFailures": []}
    assert published_ids(env) == [request_id]
    [line] = log.messages("malformed_record")
    assert (line["level"], line["reason"] != "") == ("ERROR", True)
    assert stats(env)["requests"] == 1


def test_a_batch_makes_one_call_per_ten_small_events_and_one_to_count(env: MotoEnvironment) -> None:
    request_id = submit(env)
    env.resources.copy_request(request_id, 12)
    env.trigger.deliver_all()
    env.transport.reset()
    env.streams.deliver()
    assert env.transport.calls == ["PutEvents"] * 2 + ["TransactWriteItems"]


def test_a_batch_without_finished_requests_makes_no_call(env: MotoEnvironment) -> None:
    submit(env)
    env.transport.reset()
    env.streams.deliver()
    assert env.transport.calls == []


def test_a_finished_request_is_logged(env: MotoEnvironment, log: Log) -> None:
    request_id = submit(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    [line] = log.messages("request_finished")
    assert (line["request_id"], line["image_hash"]) == (request_id, hash_of(image_bytes()))


def test_counts_are_spread_over_items_and_totals_add_them_up(env: MotoEnvironment) -> None:
    table = CountersTable(clients.dynamodb(), COUNTERS)
    for number in range(100):
        table.add(Totals(images=1, scans=2), f"token {number}")
    assert table.totals() == Totals(images=100, scans=200)
    assert len(env.resources.items(COUNTERS)) == 16


def test_a_count_that_conflicts_with_another_one_is_retried(env: MotoEnvironment) -> None:
    env.transport.fail("TransactWriteItems", "TransactionCanceledException", times=2)
    table = CountersTable(clients.dynamodb(), COUNTERS)
    table.add(Totals(completed=1), "token")
    assert (len(env.transport.calls), table.totals()) == (3, Totals(completed=1))


def test_a_count_that_always_conflicts_raises_an_error(env: MotoEnvironment) -> None:
    env.transport.fail("TransactWriteItems", "TransactionCanceledException")
    table = CountersTable(clients.dynamodb(), COUNTERS)
    with pytest.raises(clients.dynamodb().exceptions.TransactionCanceledException):
        table.add(Totals(completed=1), "token")
    assert len(env.transport.calls) > 1


def matches(record: Any, pattern: Any) -> bool:
    """Return whether a record matches a filter pattern. Only the syntax that the template uses is supported."""
    if isinstance(pattern, dict):
        return all(name in record and matches(record[name], each) for name, each in pattern.items())
    return any(record not in each["anything-but"] if isinstance(each, dict) else record == each for each in pattern)
