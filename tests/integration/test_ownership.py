"""Requests belong to their caller. Other callers cannot learn anything about them."""

from base64 import b64encode
from typing import Any

import pytest

from imagescan.api.http import caller
from imagescan.domain.iso_time import iso_time
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES
from tests.integration.conftest import Log

ANN = {"authorizer": {"claims": {"sub": "a1b2", "email": "ann@example.org"}}}
BOB = {"authorizer": {"claims": {"sub": "c3d4"}}}
ANONYMOUS = {
    "identity": {"caller": None, "user": None, "userArn": None, "cognitoIdentityId": None, "sourceIp": "192.0.2.1"}
}


def signed_by(caller: str, arn: str, **more: str) -> dict[str, Any]:
    """Return the request context of a call signed with IAM. ``arn`` omits the partition, the account and the region."""
    service, _, rest = arn.partition(":")
    identity = {"caller": caller, "user": caller, "userArn": f"arn:aws:{service}::123456789012:{rest}"}
    return {"identity": {**ANONYMOUS["identity"], **identity, "accountId": "123456789012", **more}}


def session(role: str, name: str, *, role_id: str = "AROAEXAMPLE1", **more: str) -> dict[str, Any]:
    """Return the request context of a session of a role."""
    return signed_by(f"{role_id}:{name}", f"sts:assumed-role/{role}/{name}", **more)


ROLE = session("reader", "botocore-session-1795340000")
SSO_ROLE = "AWSReservedSSO_Readers_0123456789abcdef"
POOL_ROLE = "CognitoIdentityCredentials"


def submit_as(context: dict[str, Any], env: MotoEnvironment, **event: Any) -> ApiResponse:
    body = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png"}
    return env.functions.post(body, requestContext=context, **event)


def call_as(context: dict[str, Any], env: MotoEnvironment, function: str, request_id: str) -> ApiResponse:
    event = proxy_event("POST", "{}") if function == "AskFollowUpFunction" else proxy_event("GET")
    return ApiResponse(
        env.functions.invoke(
            function, event | {"pathParameters": {"request_id": request_id}, "requestContext": context}
        )
    )


@pytest.mark.parametrize(
    ("context", "name"),
    [
        (ANN, "a1b2"),
        (signed_by("AIDAEXAMPLE", "iam:user/ann"), "AIDAEXAMPLE"),
        (signed_by("123456789012", "iam:root"), "123456789012"),
        (signed_by("123456789012:ann", "sts:federated-user/ann"), "123456789012:ann"),
        (ROLE, "AROAEXAMPLE1"),
        (session(SSO_ROLE, "ann@example.org"), "AROAEXAMPLE1:ann@example.org"),
        (session("pool", POOL_ROLE, cognitoIdentityId="eu-west-1:0a1b"), "eu-west-1:0a1b"),
        (ANONYMOUS, None),
        ({}, None),
        ({"authorizer": None, "identity": None}, None),
    ],
)
def test_the_caller_is_the_identity_that_api_gateway_provides(context: dict[str, Any], name: str | None) -> None:
    assert caller({"requestContext": context}) == name


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (session("reader", "botocore-session-1795349999"), True),
        (session("reader", "ann", role_id="AROARECREATED"), False),
        (session("writer", "botocore-session-1795340000", role_id="AROAEXAMPLE2"), False),
        (session(SSO_ROLE, "botocore-session-1795340000"), False),
        (signed_by("123456789012", "iam:root"), False),
    ],
    ids=["another session", "a recreated role", "another role", "a person", "root"],
)
def test_all_sessions_of_a_role_are_one_caller(other: dict[str, Any], is_same: bool) -> None:
    assert (caller({"requestContext": other}) == caller({"requestContext": ROLE})) is is_same


@pytest.mark.parametrize("function", ["StatusFunction", "AskFollowUpFunction"])
@pytest.mark.parametrize(
    ("owner", "reader", "status"),
    [
        (ANN, ANN, 200),
        (ROLE, ROLE, 200),
        (ROLE, session("reader", "other"), 200),
        (ANN, BOB, 404),
        (ANN, ROLE, 404),
        (ANN, ANONYMOUS, 404),
        (ANONYMOUS, ANN, 200),
    ],
)
def test_a_request_is_visible_to_its_owner_and_without_an_owner_to_everyone(
    env: MotoEnvironment, owner: dict[str, Any], reader: dict[str, Any], status: int, function: str
) -> None:
    request_id = submit_as(owner, env).body["request_id"]
    env.trigger.deliver_all()
    assert call_as(reader, env, function, request_id).status == status


@pytest.mark.parametrize("function", ["StatusFunction", "AskFollowUpFunction"])
def test_a_foreign_id_returns_the_response_of_an_unknown_one(env: MotoEnvironment, function: str) -> None:
    request_id = submit_as(ANN, env).body["request_id"]
    env.trigger.deliver_all()
    foreign, unknown = (call_as(BOB, env, function, each) for each in (request_id, "unknown"))
    assert foreign == unknown


def test_callers_with_the_same_idempotency_key_have_separate_requests(env: MotoEnvironment) -> None:
    ann, again, bob, anonymous = (
        submit_as(context, env, headers={"Idempotency-Key": "1"}).body["request_id"]
        for context in (ANN, ANN, BOB, ANONYMOUS)
    )
    assert ann == again
    assert len({ann, bob, anonymous}) == 3


def test_responses_do_not_disclose_the_owner(env: MotoEnvironment) -> None:
    posted = submit_as(ANN, env)
    env.trigger.deliver_all()
    read = call_as(ANN, env, "StatusFunction", posted.body["request_id"])
    assert "a1b2" not in posted.raw["body"] + read.raw["body"]


@pytest.mark.parametrize(("context", "logged"), [(ANN, {"owner": "a1b2"}), (ANONYMOUS, {})], ids=["ann", "anonymous"])
def test_the_log_names_the_owner_of_an_accepted_request(
    context: dict[str, Any], logged: dict[str, str], env: MotoEnvironment, log: Log
) -> None:
    submit_as(context, env)
    [line] = log.messages("accepted")
    assert {key: value for key, value in line.items() if key == "owner"} == logged


CAT = image_bytes()
BY_HASH = {"sha256": hash_of(CAT), "size": len(CAT), "fileType": "image/png"}


def by_hash(context: dict[str, Any], env: MotoEnvironment) -> ApiResponse:
    return env.functions.post(BY_HASH, requestContext=context)


def status_as(context: dict[str, Any], env: MotoEnvironment, request_id: str, **query: str) -> dict[str, Any]:
    event = proxy_event("GET") | {"pathParameters": {"request_id": request_id}, "queryStringParameters": query}
    body: dict[str, Any] = ApiResponse(env.functions.invoke("StatusFunction", event | {"requestContext": context})).body
    return body


def delete_as(context: dict[str, Any], env: MotoEnvironment, request_id: str) -> None:
    event = proxy_event("DELETE") | {"pathParameters": {"request_id": request_id}, "requestContext": context}
    assert ApiResponse(env.functions.invoke("DeleteFunction", event)).status == 204


def scan_for_ann(env: MotoEnvironment) -> str:
    request_id: str = submit_as(ANN, env).body["request_id"]
    env.trigger.deliver_all()
    assert status_as(ANN, env, request_id)["status"] == "completed"
    return request_id


def test_the_hash_of_an_image_of_another_caller_returns_what_an_unknown_hash_returns(env: MotoEnvironment) -> None:
    unknown = by_hash(BOB, env)
    assert unknown.status == 202
    scan_for_ann(env)
    known = by_hash(BOB, env)
    assert known.status == 202
    varying = {"request_id", "upload", "created_at", "deadline"}
    assert {key: known.body[key] for key in known.body if key not in varying} == {
        key: unknown.body[key] for key in unknown.body if key not in varying
    }
    debug = [status_as(BOB, env, each.body["request_id"], debugData="1")["debug_data"] for each in (unknown, known)]
    assert [each["image"] for each in debug] == [None, None]
    question = call_as(BOB, env, "AskFollowUpFunction", known.body["request_id"])
    assert (question.status, question.body["code"]) == (409, "request_pending")


def test_an_upload_of_a_known_image_is_answered_from_its_scan_without_a_second_paid_call(env: MotoEnvironment) -> None:
    scan_for_ann(env)
    env.pass_time(100)
    request = by_hash(BOB, env).body
    uploaded_at = env.clock.now
    env.upload(CAT, request)
    env.trigger.deliver_all()
    answered = status_as(BOB, env, request["request_id"])
    assert (answered["status"], answered["scan_reused"]) == ("completed", False)
    assert answered["scanned_at"] == answered["completed_at"] == iso_time(uploaded_at)
    assert env.detector.calls[hash_of(CAT)] == 1
    again = by_hash(BOB, env)
    assert (again.status, again.body["upload"], again.body["scan_reused"]) == (200, None, True)


def test_posted_bytes_of_a_known_image_are_answered_immediately(env: MotoEnvironment) -> None:
    scan_for_ann(env)
    posted = submit_as(BOB, env)
    assert (posted.status, posted.body["scan_reused"]) == (200, False)
    assert by_hash(BOB, env).status == 200
    assert env.detector.calls[hash_of(CAT)] == 1


def test_a_caller_who_knows_the_hash_of_an_image_cannot_have_it_purged(env: MotoEnvironment) -> None:
    scan_for_ann(env)
    for _ in range(3):
        delete_as(BOB, env, by_hash(BOB, env).body["request_id"])
        env.pass_time(PURGE_DELAY_SECONDS - MINUTE)
        env.functions.purge()
    env.pass_time(PURGE_DELAY_SECONDS)
    env.functions.purge()
    assert by_hash(ANN, env).status == 200
    assert env.resources.s3.list_objects_v2(Bucket=BUCKET, Prefix="images/")["KeyCount"] == 1


def test_a_caller_who_knows_the_hash_of_an_image_cannot_keep_it_from_being_purged(env: MotoEnvironment) -> None:
    request_id = scan_for_ann(env)
    delete_as(ANN, env, request_id)
    by_hash(BOB, env)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()
    assert env.resources.s3.list_objects_v2(Bucket=BUCKET, Prefix="images/")["KeyCount"] == 0
    assert by_hash(ANN, env).status == 202


def test_the_deletion_of_one_owner_leaves_the_answer_of_another(env: MotoEnvironment) -> None:
    request_id = scan_for_ann(env)
    bobs = submit_as(BOB, env).body["request_id"]
    delete_as(ANN, env, request_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()
    assert status_as(BOB, env, bobs)["status"] == "completed"


def test_without_authentication_a_hash_is_sufficient(env: MotoEnvironment) -> None:
    submit_as(ANONYMOUS, env)
    env.trigger.deliver_all()
    assert by_hash(ANONYMOUS, env).status == 200
    keys = [item["image_hash"]["S"] for item in env.resources.items(IMAGES)]
    assert not [key for key in keys if key.startswith("possessions/")]
