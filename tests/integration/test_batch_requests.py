"""Many at once, listings and deletion, from the event of API Gateway to the items."""

import json
import time
from typing import Any

import pytest

from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.images import png
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, REQUESTS

NO_IDS = ["x" * 2049, "é" * 1025, "\ud800"]


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(png(shade=number)), "size": 100, "fileType": "image/png"} | fields


def post_many(env: MotoEnvironment, entries: Any, **headers: str) -> ApiResponse:
    event = proxy_event("POST", json.dumps({"entries": entries})) | {"resource": "/scanrequests", "headers": headers}
    return ApiResponse(env.functions.invoke("SubmitFunction", event))


def listed(env: MotoEnvironment, **query: str) -> ApiResponse:
    return ApiResponse(env.functions.invoke("ListRequestsFunction", proxy_event("GET") | {"queryStringParameters": query}))


def test_each_entry_has_its_own_result(env: MotoEnvironment) -> None:
    env.functions.submit(png(shade=1))
    env.trigger.deliver_all()
    answer = post_many(env, [entry(1), entry(2), entry(3, sha256="short"), {"file": "QQ==", "fileType": "image/png"}])
    known, fresh, malformed, posted = answer.body["results"]
    assert (known["status_code"], known["request"]["status"], known["error"]) == (200, "completed", None)
    assert (fresh["status_code"], fresh["request"]["upload"]["method"]) == (202, "PUT")
    assert (malformed["status_code"], malformed["request"], malformed["error"]["code"]) == (400, None, "invalid_sha256")
    assert posted["error"]["code"] == "invalid_file"


def test_many_sent_twice_under_one_key_are_the_same_requests(env: MotoEnvironment) -> None:
    first, second = (post_many(env, [entry(1), entry(2)], **{"Idempotency-Key": "k"}) for _ in range(2))
    ids = [[each["request"]["request_id"] for each in answer.body["results"]] for answer in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
def test_a_key_of_many_may_be_as_long_as_that_of_one(env: MotoEnvironment, length: int, status: int) -> None:
    answer = post_many(env, [entry(1), entry(2)], **{"Idempotency-Key": "k" * length})
    assert answer.status == status
    assert [each["status_code"] for each in answer.body.get("results", [])] == [202] * 2 * (status == 200)


def key_sent_with(env: MotoEnvironment, number: int, key: str) -> str:
    """The id of the request that one gets by posting the same entry by itself."""
    request_id: str = env.functions.post(entry(number), headers={"Idempotency-Key": key}).body["request_id"]
    return request_id


def request_ids(answer: ApiResponse) -> list[str]:
    return [each["request"]["request_id"] for each in answer.body["results"]]


def test_an_entrys_own_key_stands_for_the_same_request_as_the_header_does_for_one(env: MotoEnvironment) -> None:
    first = key_sent_with(env, 1, "one")
    both = request_ids(post_many(env, [entry(1, idempotency_key="one"), entry(2, idempotency_key="two")]))
    assert both == [first, key_sent_with(env, 2, "two")]
    assert len(env.resources.items(REQUESTS)) == 2


def test_entries_with_keys_of_their_own_may_be_sent_again_in_other_groups(env: MotoEnvironment) -> None:
    entries = [entry(number, idempotency_key=f"key {number}") for number in range(5)]
    first = request_ids(post_many(env, entries))
    again = request_ids(post_many(env, entries[3:], **{"Idempotency-Key": "k"})) + request_ids(
        post_many(env, entries[2::-1], **{"Idempotency-Key": "other"})
    )
    assert again == first[3:] + first[2::-1]


def test_an_entrys_own_key_wins_over_the_header_and_its_place(env: MotoEnvironment) -> None:
    header = {"Idempotency-Key": "k"}
    own, placed = request_ids(post_many(env, [entry(1, idempotency_key="own"), entry(2)], **header))
    assert own == key_sent_with(env, 1, "own")
    assert request_ids(post_many(env, [entry(3), entry(2)], **header))[1] == placed


def test_an_entry_whose_key_cannot_be_taken_spoils_no_other(env: MotoEnvironment) -> None:
    answer = post_many(
        env,
        [
            entry(1, idempotency_key="one"),
            entry(2, idempotency_key="two\n"),
            entry(3, idempotency_key="x" * 256),
            entry(4, idempotency_key="four"),
        ],
    )
    assert [each["status_code"] for each in answer.body["results"]] == [202, 400, 400, 202]
    again = post_many(env, [entry(4, idempotency_key="one"), entry(1, idempotency_key="one")])
    assert [each["status_code"] for each in again.body["results"]] == [409, 202]
    assert again.body["results"][0]["error"]["code"] == "idempotency_key_reused"


def test_a_key_in_the_body_of_one_request_is_passed_over_as_what_is_not_known(env: MotoEnvironment) -> None:
    ids = {env.functions.post(entry(1, idempotency_key="k")).body["request_id"] for _ in range(2)}
    assert len(ids) == 2


def test_many_of_one_key_sent_at_once_are_one_request(env: MotoEnvironment) -> None:
    ids = request_ids(post_many(env, [entry(1, idempotency_key="k")] * 25))
    assert len(set(ids)) == len(env.resources.items(REQUESTS)) == 1


@pytest.mark.parametrize("entries", [[], [entry(1)] * 26, ["text"], "text", None])
def test_more_or_less_than_1_to_25_entries_are_refused(env: MotoEnvironment, entries: Any) -> None:
    answer = post_many(env, entries)
    assert (answer.status, answer.body["code"]) == (400, "invalid_entries")


def test_requests_are_listed_newest_first_as_they_stand(env: MotoEnvironment) -> None:
    ids = []
    for number in range(5):
        env.clock.now += 1
        ids.append(env.functions.submit(png(shade=number)).body["request_id"])
    env.trigger.deliver_all()
    first = listed(env, limit="3").body
    second = listed(env, limit="3", cursor=first["next_cursor"]).body
    assert [each["request_id"] for each in first["requests"] + second["requests"]] == ids[::-1]
    assert {each["status"] for each in first["requests"]} == {"completed"}
    assert "labels" not in first["requests"][0]
    assert second["next_cursor"] is None


def test_many_are_told_in_the_order_asked_and_each_as_it_is_by_itself(env: MotoEnvironment) -> None:
    known = env.functions.submit(png(shade=1)).body["request_id"]
    missed = env.functions.submit(png(shade=1), "dog").body["request_id"]
    env.detector.unreadable = {hash_of(png(shade=2))}
    broken = env.functions.submit(png(shade=2)).body["request_id"]
    env.trigger.deliver_all()
    awaited = env.functions.post(entry(3)).body["request_id"]
    ids = [broken, "unknown", known, awaited, missed, known]
    answer = listed(env, ids=",".join(ids))
    alone = [env.functions.get(request_id) for request_id in ids]
    assert [each["status_code"] for each in answer.body["results"]] == [each.status for each in alone]
    assert [each["request"] or each["error"] for each in answer.body["results"]] == [each.body for each in alone]
    assert (answer.status, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (200, "1", "no-store")


def test_answers_that_can_no_longer_change_are_not_to_be_asked_for_again(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert "Retry-After" not in listed(env, ids=request_id).headers


def test_a_hundred_are_told_by_one_read_of_their_rows_and_one_of_the_images_they_wait_for(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, 99)
    ids = [item["request_id"]["S"] for item in env.resources.items(REQUESTS)]
    env.transport.reset()
    assert len(listed(env, ids=",".join(ids)).body["results"]) == 100
    assert env.transport.calls == ["BatchGetItem", "BatchGetItem"]
    assert all(json.loads(each.body)["RequestItems"].popitem()[1]["ConsistentRead"] for each in env.transport.requests)
    env.trigger.deliver_all()
    env.transport.reset()
    told = listed(env, ids=",".join(ids)).body["results"]
    assert {each["request"]["status"] for each in told} == {"completed"}
    assert env.transport.calls == ["BatchGetItem"]


def test_those_that_look_timed_out_are_read_once_more(env: MotoEnvironment) -> None:
    ids = [env.functions.post(entry(number)).body["request_id"] for number in range(2)]
    env.clock.now += 24 * 3600
    env.transport.reset()
    told = listed(env, ids=",".join(ids)).body["results"]
    assert {each["request"]["failure"]["code"] for each in told} == {"never_uploaded"}
    assert env.transport.calls == ["BatchGetItem"] * 3


@pytest.mark.parametrize("ids", ["", ",", ",".join("a" * 101)])
def test_ids_that_cannot_be_told_are_refused(env: MotoEnvironment, ids: str) -> None:
    answer = listed(env, ids=ids)
    assert (answer.status, answer.body["code"], env.transport.calls) == (400, "invalid_ids", [])


def test_ids_that_are_none_are_unknown_and_not_even_looked_for(env: MotoEnvironment) -> None:
    answer = listed(env, ids=",".join(NO_IDS))
    assert [each["error"]["code"] for each in answer.body["results"]] == ["request_not_found"] * len(NO_IDS)
    assert env.transport.calls == []  # DynamoDB would refuse such a key


def test_a_listing_is_filtered(env: MotoEnvironment) -> None:
    env.functions.submit(png(shade=1), "dog")
    env.trigger.deliver_all()
    waiting = env.functions.submit(png(shade=2)).body["request_id"]
    assert [each["request_id"] for each in listed(env, status="pending").body["requests"]] == [waiting]
    assert [each["label"] for each in listed(env, label="DOG").body["requests"]] == ["dog"]
    assert listed(env, created_after="2999-01-01").body["requests"] == []


@pytest.mark.parametrize("name", ["status", "limit", "cursor", "created_after"])
def test_a_query_that_cannot_be_read_is_refused(env: MotoEnvironment, name: str) -> None:
    answer = listed(env, **{name: "x"})
    assert (answer.status, answer.body["code"]) == (400, f"invalid_{name}")


def test_a_listing_from_before_all_time_lists_everything(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    assert len(listed(env, created_after="0001-01-01").body["requests"]) == 1


def test_a_listing_from_after_all_time_lists_nothing(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    assert listed(env, created_after="2300-01-01").body["requests"] == []


def test_a_cursor_from_before_the_beginning_of_the_list_ends_it(env: MotoEnvironment) -> None:
    for number in range(2):
        env.functions.submit(png(shade=number))
    cursor = listed(env, limit="1").body["next_cursor"]
    env.transport.reset()
    page = listed(env, cursor=cursor, created_after="2200-01-01")
    assert (page.status, page.body) == (200, {"requests": [], "next_cursor": None})
    assert env.transport.calls == []  # DynamoDB would refuse such a query


@pytest.mark.parametrize("request_id", ["", *NO_IDS])
def test_an_id_that_is_none_is_not_even_looked_for(env: MotoEnvironment, request_id: str) -> None:
    assert env.functions.get(request_id).status == env.functions.delete(request_id).status == 404
    assert env.transport.calls == []  # DynamoDB would refuse such a key


def test_a_deleted_request_is_gone_at_once_and_its_image_after_a_quiet_time(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    answer = env.functions.delete(request_id)
    assert (answer.status, answer.raw["body"]) == (204, "")
    assert env.functions.get(request_id).status == env.functions.delete(request_id).status == 404
    assert listed(env).body["requests"] == []
    assert env.functions.sweep()["images_purged"] == 0
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.sweep()["images_purged"] == 1
    assert env.resources.items(IMAGES) == env.resources.items(REQUESTS) == []
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_bytes_that_come_after_the_deletion_go_as_well(env: MotoEnvironment) -> None:
    env.clock.now = time.time() - 1  # S3 tells whole seconds
    request_id = env.functions.post(entry(1)).body["request_id"]
    env.functions.delete(request_id)
    env.resources.s3.put_object(Bucket=BUCKET, Key=f"images/{hash_of(png(shade=1))}.png", Body=png(shade=1))
    env.trigger.deliver_all()
    assert env.detector.calls == {hash_of(png(shade=1)): 1}
    for removed in (0, 1):
        env.pass_time(PURGE_DELAY_SECONDS + 1)
        assert env.functions.sweep()["images_purged"] == removed
    assert env.resources.items(IMAGES) == []
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_a_deletion_takes_nothing_from_another_request_for_the_image(env: MotoEnvironment) -> None:
    kept, gone = (env.functions.submit(image_bytes()).body["request_id"] for _ in range(2))
    env.trigger.deliver_all()
    before = env.functions.get(kept).body
    env.functions.delete(gone)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.sweep()
    assert env.functions.get(kept).body == before


def test_an_image_somebody_waits_for_is_not_removed(env: MotoEnvironment) -> None:
    waiting, gone = (env.functions.submit(image_bytes()).body["request_id"] for _ in range(2))
    env.functions.delete(gone)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.sweep()["images_purged"] == 0
    env.trigger.deliver_all()
    assert env.functions.get(waiting).body["status"] == "completed"


def test_a_removed_image_is_scanned_anew_when_it_is_uploaded_again(env: MotoEnvironment) -> None:
    deleted_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    env.functions.delete(deleted_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.sweep()
    again = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert env.functions.get(again).body["label_matched"] is True
    assert env.detector.calls[hash_of(image_bytes())] == 2


def test_each_caller_lists_and_deletes_only_what_is_theirs(env: MotoEnvironment) -> None:
    def of(user: str) -> dict[str, Any]:
        return {"requestContext": {"requestId": "a-request", "authorizer": {"claims": {"sub": user}}}}

    ids = {user: env.functions.post(entry(1), **of(user)).body["request_id"] for user in ("ann", "bob")}
    event = proxy_event("GET") | of("ann")
    told = ApiResponse(env.functions.invoke("ListRequestsFunction", event)).body["requests"]
    assert [each["request_id"] for each in told] == [ids["ann"]]
    by_id = event | {"queryStringParameters": {"ids": f"{ids['bob']},{ids['ann']},nobody"}}
    bobs, anns, nobodys = ApiResponse(env.functions.invoke("ListRequestsFunction", by_id)).body["results"]
    assert (bobs, bobs["status_code"], anns["status_code"]) == (nobodys, 404, 200)
    refused = proxy_event("DELETE") | of("ann") | {"pathParameters": {"request_id": ids["bob"]}}
    assert ApiResponse(env.functions.invoke("DeleteFunction", refused)).status == 404
    assert len(env.resources.items(REQUESTS)) == 2
