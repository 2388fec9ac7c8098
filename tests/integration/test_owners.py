"""Requests belong to their caller: what another may learn of them is nothing."""

from base64 import b64encode
from typing import Any

import pytest

from imagescan.handlers.http import caller
from tests.integration.functions import Answer, picture, proxy_event
from tests.integration.world import World

ANN = {"authorizer": {"claims": {"sub": "a1b2", "email": "ann@example.org"}}}
BOB = {"authorizer": {"claims": {"sub": "c3d4"}}}
ROLE = {"identity": {"userArn": "arn:aws:sts::123456789012:assumed-role/reader/ann"}}
ANYBODY = {"identity": {"userArn": None, "sourceIp": "192.0.2.1"}}


def posted_by(who: dict[str, Any], world: World, **event: Any) -> Answer:
    body = {"file": b64encode(picture()).decode(), "fileType": "image/png"}
    return world.functions.post(body, requestContext=who, **event)


def asked_by(who: dict[str, Any], world: World, function: str, request_id: str) -> Answer:
    event = proxy_event("POST", "{}") if function == "QuestionsFunction" else proxy_event("GET")
    return Answer(
        world.functions.invoke(function, event | {"pathParameters": {"request_id": request_id}, "requestContext": who})
    )


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (ANN, "a1b2"),
        (ROLE, "arn:aws:sts::123456789012:assumed-role/reader/ann"),
        (ANYBODY, None),
        ({}, None),
        ({"authorizer": None, "identity": None}, None),
    ],
)
def test_a_caller_is_whom_api_gateway_names(who: dict[str, Any], name: str | None) -> None:
    assert caller({"requestContext": who}) == name


@pytest.mark.parametrize("function", ["StatusFunction", "QuestionsFunction"])
@pytest.mark.parametrize(
    ("owner", "reader", "status"),
    [(ANN, ANN, 200), (ROLE, ROLE, 200), (ANN, BOB, 404), (ANN, ROLE, 404), (ANN, ANYBODY, 404), (ANYBODY, ANN, 200)],
)
def test_a_request_is_open_to_its_owner_and_to_all_when_nobody_owns_it(
    world: World, owner: dict[str, Any], reader: dict[str, Any], status: int, function: str
) -> None:
    request_id = posted_by(owner, world).body["request_id"]
    world.trigger.deliver_all()
    assert asked_by(reader, world, function, request_id).status == status


@pytest.mark.parametrize("function", ["StatusFunction", "QuestionsFunction"])
def test_anothers_id_answers_like_an_absent_one(world: World, function: str) -> None:
    request_id = posted_by(ANN, world).body["request_id"]
    world.trigger.deliver_all()
    anothers, absent = (asked_by(BOB, world, function, each) for each in (request_id, "nobody"))
    assert anothers == absent


def test_callers_with_the_same_idempotency_key_have_requests_of_their_own(world: World) -> None:
    ann, again, bob, anybody = (
        posted_by(who, world, headers={"Idempotency-Key": "1"}).body["request_id"] for who in (ANN, ANN, BOB, ANYBODY)
    )
    assert ann == again
    assert len({ann, bob, anybody}) == 3


def test_an_owner_is_told_to_nobody(world: World) -> None:
    posted = posted_by(ANN, world)
    world.trigger.deliver_all()
    read = asked_by(ANN, world, "StatusFunction", posted.body["request_id"])
    assert "a1b2" not in posted.raw["body"] + read.raw["body"]
