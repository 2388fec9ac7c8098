"""Many at once, listings and deletion, from the event of API Gateway to the rows."""

import json
import time
from typing import Any

import pytest

from imagescan.forget import QUIET_SECONDS
from tests.integration.functions import Answer, picture, proxy_event
from tests.integration.resources import BUCKET, IMAGES, REQUESTS
from tests.integration.world import World, hash_of
from tests.pictures import png

NO_IDS = ["x" * 2049, "é" * 1025, "\ud800"]


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(png(shade=number)), "size": 100, "fileType": "image/png"} | fields


def post_many(world: World, entries: Any, **headers: str) -> Answer:
    event = proxy_event("POST", json.dumps({"entries": entries})) | {"resource": "/scanrequests", "headers": headers}
    return Answer(world.functions.invoke("SubmitFunction", event))


def listed(world: World, **query: str) -> Answer:
    return Answer(world.functions.invoke("ListRequestsFunction", proxy_event("GET") | {"queryStringParameters": query}))


def test_each_entry_has_its_own_result(world: World) -> None:
    world.functions.submit(png(shade=1))
    world.trigger.deliver_all()
    answer = post_many(world, [entry(1), entry(2), entry(3, sha256="short"), {"file": "QQ==", "fileType": "image/png"}])
    known, fresh, malformed, posted = answer.body["results"]
    assert (known["status_code"], known["request"]["status"], known["error"]) == (200, "completed", None)
    assert (fresh["status_code"], fresh["request"]["upload"]["method"]) == (202, "PUT")
    assert (malformed["status_code"], malformed["request"], malformed["error"]["code"]) == (400, None, "invalid_sha256")
    assert posted["error"]["code"] == "invalid_file"


def test_many_sent_twice_under_one_key_are_the_same_requests(world: World) -> None:
    first, second = (post_many(world, [entry(1), entry(2)], **{"Idempotency-Key": "k"}) for _ in range(2))
    ids = [[each["request"]["request_id"] for each in answer.body["results"]] for answer in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
def test_a_key_of_many_may_be_as_long_as_that_of_one(world: World, length: int, status: int) -> None:
    answer = post_many(world, [entry(1), entry(2)], **{"Idempotency-Key": "k" * length})
    assert answer.status == status
    assert [each["status_code"] for each in answer.body.get("results", [])] == [202] * 2 * (status == 200)


def key_sent_with(world: World, number: int, key: str) -> str:
    """The id of the request that one gets by posting the same entry by itself."""
    request_id: str = world.functions.post(entry(number), headers={"Idempotency-Key": key}).body["request_id"]
    return request_id


def request_ids(answer: Answer) -> list[str]:
    return [each["request"]["request_id"] for each in answer.body["results"]]


def test_an_entrys_own_key_stands_for_the_same_request_as_the_header_does_for_one(world: World) -> None:
    first = key_sent_with(world, 1, "one")
    both = request_ids(post_many(world, [entry(1, idempotency_key="one"), entry(2, idempotency_key="two")]))
    assert both == [first, key_sent_with(world, 2, "two")]
    assert len(world.resources.rows(REQUESTS)) == 2


def test_entries_with_keys_of_their_own_may_be_sent_again_in_other_groups(world: World) -> None:
    entries = [entry(number, idempotency_key=f"key {number}") for number in range(5)]
    first = request_ids(post_many(world, entries))
    again = request_ids(post_many(world, entries[3:], **{"Idempotency-Key": "k"})) + request_ids(
        post_many(world, entries[2::-1], **{"Idempotency-Key": "other"})
    )
    assert again == first[3:] + first[2::-1]


def test_an_entrys_own_key_wins_over_the_header_and_its_place(world: World) -> None:
    header = {"Idempotency-Key": "k"}
    own, placed = request_ids(post_many(world, [entry(1, idempotency_key="own"), entry(2)], **header))
    assert own == key_sent_with(world, 1, "own")
    assert request_ids(post_many(world, [entry(3), entry(2)], **header))[1] == placed


def test_an_entry_whose_key_cannot_be_taken_spoils_no_other(world: World) -> None:
    answer = post_many(
        world,
        [
            entry(1, idempotency_key="one"),
            entry(2, idempotency_key="two\n"),
            entry(3, idempotency_key="x" * 256),
            entry(4, idempotency_key="four"),
        ],
    )
    assert [each["status_code"] for each in answer.body["results"]] == [202, 400, 400, 202]
    again = post_many(world, [entry(4, idempotency_key="one"), entry(1, idempotency_key="one")])
    assert [each["status_code"] for each in again.body["results"]] == [409, 202]
    assert again.body["results"][0]["error"]["code"] == "idempotency_key_reused"


def test_a_key_in_the_body_of_one_request_is_passed_over_as_what_is_not_known(world: World) -> None:
    ids = {world.functions.post(entry(1, idempotency_key="k")).body["request_id"] for _ in range(2)}
    assert len(ids) == 2


def test_many_of_one_key_sent_at_once_are_one_request(world: World) -> None:
    ids = request_ids(post_many(world, [entry(1, idempotency_key="k")] * 25))
    assert len(set(ids)) == len(world.resources.rows(REQUESTS)) == 1


@pytest.mark.parametrize("entries", [[], [entry(1)] * 26, ["text"], "text", None])
def test_more_or_less_than_1_to_25_entries_are_refused(world: World, entries: Any) -> None:
    answer = post_many(world, entries)
    assert (answer.status, answer.body["code"]) == (400, "invalid_entries")


def test_requests_are_listed_newest_first_as_they_stand(world: World) -> None:
    ids = []
    for number in range(5):
        world.clock.now += 1
        ids.append(world.functions.submit(png(shade=number)).body["request_id"])
    world.trigger.deliver_all()
    first = listed(world, limit="3").body
    second = listed(world, limit="3", cursor=first["cursor"]).body
    assert [each["request_id"] for each in first["requests"] + second["requests"]] == ids[::-1]
    assert {each["status"] for each in first["requests"]} == {"completed"}
    assert "labels" not in first["requests"][0]
    assert second["cursor"] is None


def test_many_are_told_in_the_order_asked_and_each_as_it_is_by_itself(world: World) -> None:
    known = world.functions.submit(png(shade=1)).body["request_id"]
    missed = world.functions.submit(png(shade=1), "dog").body["request_id"]
    world.detector.damaged = {hash_of(png(shade=2))}
    broken = world.functions.submit(png(shade=2)).body["request_id"]
    world.trigger.deliver_all()
    awaited = world.functions.post(entry(3)).body["request_id"]
    ids = [broken, "unknown", known, awaited, missed, known]
    answer = listed(world, ids=",".join(ids))
    alone = [world.functions.get(request_id) for request_id in ids]
    assert [each["status_code"] for each in answer.body["results"]] == [each.status for each in alone]
    assert [each["request"] or each["error"] for each in answer.body["results"]] == [each.body for each in alone]
    assert (answer.status, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (200, "1", "no-store")


def test_answers_that_can_no_longer_change_are_not_to_be_asked_for_again(world: World) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.trigger.deliver_all()
    assert "Retry-After" not in listed(world, ids=request_id).headers


def test_a_hundred_are_told_by_one_read_of_their_rows_and_one_of_the_images_they_wait_for(world: World) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.resources.ask_again(request_id, 99)
    ids = [row["request_id"]["S"] for row in world.resources.rows(REQUESTS)]
    world.wire.reset()
    assert len(listed(world, ids=",".join(ids)).body["results"]) == 100
    assert world.wire.calls == ["BatchGetItem", "BatchGetItem"]
    assert all(json.loads(each.body)["RequestItems"].popitem()[1]["ConsistentRead"] for each in world.wire.sent)
    world.trigger.deliver_all()
    world.wire.reset()
    told = listed(world, ids=",".join(ids)).body["results"]
    assert {each["request"]["status"] for each in told} == {"completed"}
    assert world.wire.calls == ["BatchGetItem"]


def test_those_that_look_timed_out_are_read_once_more(world: World) -> None:
    ids = [world.functions.post(entry(number)).body["request_id"] for number in range(2)]
    world.clock.now += 24 * 3600
    world.wire.reset()
    told = listed(world, ids=",".join(ids)).body["results"]
    assert {each["request"]["failure"]["code"] for each in told} == {"never_uploaded"}
    assert world.wire.calls == ["BatchGetItem"] * 3


@pytest.mark.parametrize("ids", ["", ",", ",".join("a" * 101)])
def test_ids_that_cannot_be_told_are_refused(world: World, ids: str) -> None:
    answer = listed(world, ids=ids)
    assert (answer.status, answer.body["code"], world.wire.calls) == (400, "invalid_ids", [])


def test_ids_that_are_none_are_unknown_and_not_even_looked_for(world: World) -> None:
    answer = listed(world, ids=",".join(NO_IDS))
    assert [each["error"]["code"] for each in answer.body["results"]] == ["request_not_found"] * len(NO_IDS)
    assert world.wire.calls == []  # DynamoDB would refuse such a key


def test_a_listing_is_filtered(world: World) -> None:
    world.functions.submit(png(shade=1), "dog")
    world.trigger.deliver_all()
    waiting = world.functions.submit(png(shade=2)).body["request_id"]
    assert [each["request_id"] for each in listed(world, status="pending").body["requests"]] == [waiting]
    assert [each["label"] for each in listed(world, label="DOG").body["requests"]] == ["dog"]
    assert listed(world, **{"from": "2999-01-01"}).body["requests"] == []


@pytest.mark.parametrize("name", ["status", "limit", "cursor", "from"])
def test_a_query_that_cannot_be_read_is_refused(world: World, name: str) -> None:
    answer = listed(world, **{name: "x"})
    assert (answer.status, answer.body["code"]) == (400, f"invalid_{name}")


def test_a_listing_from_before_all_time_lists_everything(world: World) -> None:
    world.functions.submit(picture())
    assert len(listed(world, **{"from": "0001-01-01"}).body["requests"]) == 1


def test_a_listing_from_after_all_time_lists_nothing(world: World) -> None:
    world.functions.submit(picture())
    assert listed(world, **{"from": "2300-01-01"}).body["requests"] == []


def test_a_cursor_from_before_the_beginning_of_the_list_ends_it(world: World) -> None:
    for number in range(2):
        world.functions.submit(png(shade=number))
    cursor = listed(world, limit="1").body["cursor"]
    world.wire.reset()
    page = listed(world, cursor=cursor, **{"from": "2200-01-01"})
    assert (page.status, page.body) == (200, {"requests": [], "cursor": None})
    assert world.wire.calls == []  # DynamoDB would refuse such a query


@pytest.mark.parametrize("request_id", ["", *NO_IDS])
def test_an_id_that_is_none_is_not_even_looked_for(world: World, request_id: str) -> None:
    assert world.functions.get(request_id).status == world.functions.delete(request_id).status == 404
    assert world.wire.calls == []  # DynamoDB would refuse such a key


def test_a_deleted_request_is_gone_at_once_and_its_image_after_a_quiet_time(world: World) -> None:
    request_id = world.functions.submit(picture()).body["request_id"]
    world.trigger.deliver_all()
    answer = world.functions.delete(request_id)
    assert (answer.status, answer.raw["body"]) == (204, "")
    assert world.functions.get(request_id).status == world.functions.delete(request_id).status == 404
    assert listed(world).body["requests"] == []
    assert world.functions.sweep()["images_removed"] == 0
    world.pass_time(QUIET_SECONDS + 1)
    assert world.functions.sweep()["images_removed"] == 1
    assert world.resources.rows(IMAGES) == world.resources.rows(REQUESTS) == []
    assert world.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_bytes_that_come_after_the_deletion_go_as_well(world: World) -> None:
    world.clock.now = time.time() - 1  # S3 tells whole seconds
    request_id = world.functions.post(entry(1)).body["request_id"]
    world.functions.delete(request_id)
    world.resources.s3.put_object(Bucket=BUCKET, Key=f"images/{hash_of(png(shade=1))}.png", Body=png(shade=1))
    world.trigger.deliver_all()
    assert world.detector.calls == {hash_of(png(shade=1)): 1}
    for removed in (0, 1):
        world.pass_time(QUIET_SECONDS + 1)
        assert world.functions.sweep()["images_removed"] == removed
    assert world.resources.rows(IMAGES) == []
    assert world.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_a_deletion_takes_nothing_from_another_request_for_the_image(world: World) -> None:
    kept, gone = (world.functions.submit(picture()).body["request_id"] for _ in range(2))
    world.trigger.deliver_all()
    before = world.functions.get(kept).body
    world.functions.delete(gone)
    world.pass_time(QUIET_SECONDS + 1)
    world.functions.sweep()
    assert world.functions.get(kept).body == before


def test_an_image_somebody_waits_for_is_not_removed(world: World) -> None:
    waiting, gone = (world.functions.submit(picture()).body["request_id"] for _ in range(2))
    world.functions.delete(gone)
    world.pass_time(QUIET_SECONDS + 1)
    assert world.functions.sweep()["images_removed"] == 0
    world.trigger.deliver_all()
    assert world.functions.get(waiting).body["status"] == "completed"


def test_a_removed_image_is_scanned_anew_when_it_is_uploaded_again(world: World) -> None:
    deleted_id = world.functions.submit(picture()).body["request_id"]
    world.trigger.deliver_all()
    world.functions.delete(deleted_id)
    world.pass_time(QUIET_SECONDS + 1)
    world.functions.sweep()
    again = world.functions.submit(picture()).body["request_id"]
    world.trigger.deliver_all()
    assert world.functions.get(again).body["label_matched"] is True
    assert world.detector.calls[hash_of(picture())] == 2


def test_each_caller_lists_and_deletes_only_what_is_theirs(world: World) -> None:
    def of(user: str) -> dict[str, Any]:
        return {"requestContext": {"requestId": "a-request", "authorizer": {"claims": {"sub": user}}}}

    ids = {user: world.functions.post(entry(1), **of(user)).body["request_id"] for user in ("ann", "bob")}
    event = proxy_event("GET") | of("ann")
    told = Answer(world.functions.invoke("ListRequestsFunction", event)).body["requests"]
    assert [each["request_id"] for each in told] == [ids["ann"]]
    by_id = event | {"queryStringParameters": {"ids": f"{ids['bob']},{ids['ann']},nobody"}}
    bobs, anns, nobodys = Answer(world.functions.invoke("ListRequestsFunction", by_id)).body["results"]
    assert (bobs, bobs["status_code"], anns["status_code"]) == (nobodys, 404, 200)
    refused = proxy_event("DELETE") | of("ann") | {"pathParameters": {"request_id": ids["bob"]}}
    assert Answer(world.functions.invoke("DeleteFunction", refused)).status == 404
    assert len(world.resources.rows(REQUESTS)) == 2
