"""Requests belong to their caller: what another may learn of them is nothing."""

from base64 import b64encode
from typing import Any

import pytest

from imagescan.api.http import caller
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment

ANN = {"authorizer": {"claims": {"sub": "a1b2", "email": "ann@example.org"}}}
BOB = {"authorizer": {"claims": {"sub": "c3d4"}}}
ANYBODY = {
    "identity": {"caller": None, "user": None, "userArn": None, "cognitoIdentityId": None, "sourceIp": "192.0.2.1"}
}


def signed_by(caller: str, arn: str, **more: str) -> dict[str, Any]:
    """What API Gateway tells of who signed a call; ``arn`` without its service and account."""
    service, _, rest = arn.partition(":")
    told = {"caller": caller, "user": caller, "userArn": f"arn:aws:{service}::123456789012:{rest}"}
    return {"identity": {**ANYBODY["identity"], **told, "accountId": "123456789012", **more}}


def session(role: str, name: str, *, role_id: str = "AROAEXAMPLE1", **more: str) -> dict[str, Any]:
    """Somebody who took a role on."""
    return signed_by(f"{role_id}:{name}", f"sts:assumed-role/{role}/{name}", **more)


ROLE = session("reader", "botocore-session-1795340000")
PEOPLE = "AWSReservedSSO_Readers_0123456789abcdef"
POOL = "CognitoIdentityCredentials"


def posted_by(who: dict[str, Any], env: MotoEnvironment, **event: Any) -> ApiResponse:
    body = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png"}
    return env.functions.post(body, requestContext=who, **event)


def asked_by(who: dict[str, Any], env: MotoEnvironment, function: str, request_id: str) -> ApiResponse:
    event = proxy_event("POST", "{}") if function == "AskFollowUpFunction" else proxy_event("GET")
    return ApiResponse(
        env.functions.invoke(function, event | {"pathParameters": {"request_id": request_id}, "requestContext": who})
    )


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (ANN, "a1b2"),
        (signed_by("AIDAEXAMPLE", "iam:user/ann"), "AIDAEXAMPLE"),
        (signed_by("123456789012", "iam:root"), "123456789012"),
        (signed_by("123456789012:ann", "sts:federated-user/ann"), "123456789012:ann"),
        (ROLE, "AROAEXAMPLE1"),
        (session(PEOPLE, "ann@example.org"), "AROAEXAMPLE1:ann@example.org"),
        (session("pool", POOL, cognitoIdentityId="eu-west-1:0a1b"), "eu-west-1:0a1b"),
        (ANYBODY, None),
        ({}, None),
        ({"authorizer": None, "identity": None}, None),
    ],
)
def test_a_caller_is_whom_api_gateway_names(who: dict[str, Any], name: str | None) -> None:
    assert caller({"requestContext": who}) == name


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (session("reader", "botocore-session-1795349999"), True),
        (session("reader", "ann", role_id="AROAMADEANEW"), False),
        (session("writer", "botocore-session-1795340000", role_id="AROAEXAMPLE2"), False),
        (session(PEOPLE, "botocore-session-1795340000"), False),
        (signed_by("123456789012", "iam:root"), False),
    ],
    ids=["another session", "a role made anew", "another role", "a person", "root"],
)
def test_a_role_is_the_same_caller_in_all_its_sessions(other: dict[str, Any], is_same: bool) -> None:
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
        (ANN, ANYBODY, 404),
        (ANYBODY, ANN, 200),
    ],
)
def test_a_request_is_open_to_its_owner_and_to_all_when_nobody_owns_it(
    env: MotoEnvironment, owner: dict[str, Any], reader: dict[str, Any], status: int, function: str
) -> None:
    request_id = posted_by(owner, env).body["request_id"]
    env.trigger.deliver_all()
    assert asked_by(reader, env, function, request_id).status == status


@pytest.mark.parametrize("function", ["StatusFunction", "AskFollowUpFunction"])
def test_anothers_id_answers_like_an_absent_one(env: MotoEnvironment, function: str) -> None:
    request_id = posted_by(ANN, env).body["request_id"]
    env.trigger.deliver_all()
    anothers, absent = (asked_by(BOB, env, function, each) for each in (request_id, "nobody"))
    assert anothers == absent


def test_callers_with_the_same_idempotency_key_have_requests_of_their_own(env: MotoEnvironment) -> None:
    ann, again, bob, anybody = (
        posted_by(who, env, headers={"Idempotency-Key": "1"}).body["request_id"] for who in (ANN, ANN, BOB, ANYBODY)
    )
    assert ann == again
    assert len({ann, bob, anybody}) == 3


def test_an_owner_is_told_to_nobody(env: MotoEnvironment) -> None:
    posted = posted_by(ANN, env)
    env.trigger.deliver_all()
    read = asked_by(ANN, env, "StatusFunction", posted.body["request_id"])
    assert "a1b2" not in posted.raw["body"] + read.raw["body"]
