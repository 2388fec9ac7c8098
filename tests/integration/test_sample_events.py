"""Each file in events/ is taken by the function it is for, in the form in which AWS sends it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventModel,
    DynamoDBStreamModel,
    EventBridgeModel,
    S3Model,
    SqsModel,
)
from pydantic import BaseModel

from testing.functions import FUNCTIONS
from testing.moto_environment import MotoEnvironment, hash_of

ROOT = Path(__file__).parents[2]
EVENTS = {path.stem: path for path in (ROOT / "events").glob("*.json") if path.stem != "env"}
CAT, ROCKET = ((ROOT / "samples" / name).read_bytes() for name in ("cat.jpg", "rocket.jpg"))
POISON = "00000004-0000-4000-8000-000000000000"

type Check = Callable[[MotoEnvironment, dict[str, Any]], bool]


def answers(status: int) -> Check:
    return lambda _, answer: answer["statusCode"] == status


def gives_back(*message_ids: str) -> Check:
    return lambda _, answer: [each["itemIdentifier"] for each in answer["batchItemFailures"]] == list(message_ids)


def scans(*pictures: bytes, gives_back_too: tuple[str, ...] = ()) -> Check:
    wanted = {hash_of(image_bytes): 1 for image_bytes in pictures}
    return lambda env, answer: env.detector.calls == wanted and gives_back(*gives_back_too)(env, answer)


def sweeps(_: MotoEnvironment, answer: dict[str, Any]) -> bool:
    return bool(answer["is_complete"]) and answer["waiting"] == 2


def tells_of(*labels: str) -> Check:
    return lambda env, answer: (
        [each["labels_asked"] for each in env.bus.details] == [[label] for label in labels]
        and gives_back()(env, answer)
    )


TABLE: dict[str, tuple[str, Check]] = {
    "delete-unknown": ("DeleteFunction", answers(404)),
    "stream-records": ("EventPublisherFunction", tells_of("cat", "dog")),
    "list-requests": ("ListRequestsFunction", answers(200)),
    "preflight": ("StatusFunction", answers(204)),
    "ask-unknown-request": ("AskFollowUpFunction", answers(404)),
    "scanner-batch": ("ScannerFunction", scans(CAT, ROCKET, gives_back_too=(POISON,))),
    "scanner-test-event": ("ScannerFunction", gives_back()),
    "scanner-upload": ("ScannerFunction", scans(CAT)),
    "stats": ("StatsFunction", answers(200)),
    "status-unknown": ("StatusFunction", answers(404)),
    "submit-astronaut": ("SubmitFunction", answers(202)),
    "submit-cat": ("SubmitFunction", answers(202)),
    "submit-coffee": ("SubmitFunction", answers(202)),
    "submit-direct-upload": ("SubmitFunction", answers(202)),
    "submit-grace_hopper": ("SubmitFunction", answers(202)),
    "submit-many": ("SubmitFunction", answers(200)),
    "submit-motorcycle": ("SubmitFunction", answers(202)),
    "submit-not-an-image": ("SubmitFunction", answers(415)),
    "submit-rocket": ("SubmitFunction", answers(202)),
    "sweeper-schedule": ("SweeperFunction", sweeps),
}
FORMS: dict[str, type[BaseModel]] = {
    "SubmitFunction": APIGatewayProxyEventModel,
    "StatusFunction": APIGatewayProxyEventModel,
    "AskFollowUpFunction": APIGatewayProxyEventModel,
    "ListRequestsFunction": APIGatewayProxyEventModel,
    "DeleteFunction": APIGatewayProxyEventModel,
    "ScannerFunction": SqsModel,
    "SweeperFunction": EventBridgeModel,
    "EventPublisherFunction": DynamoDBStreamModel,
    "StatsFunction": APIGatewayProxyEventModel,
}


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(EVENTS[name].read_text())
    return loaded


@pytest.mark.parametrize(("name", "function", "does"), [(name, *item) for name, item in TABLE.items()])
def test_an_event_is_taken_by_its_function(env: MotoEnvironment, name: str, function: str, does: Check) -> None:
    for upload in ("submit-cat", "submit-rocket"):
        if name.startswith(("scanner", "sweeper")):
            env.functions.invoke("SubmitFunction", event(upload))
    assert does(env, env.functions.invoke(function, event(name)))


@pytest.mark.parametrize(("name", "function"), [(name, function) for name, (function, _) in TABLE.items()])
def test_an_event_has_the_form_that_aws_sends(name: str, function: str) -> None:
    assert FORMS[function].model_validate(event(name))


@pytest.mark.parametrize("name", ["scanner-upload", "scanner-batch"])
def test_an_upload_is_announced_in_the_form_that_s3_sends(name: str) -> None:
    bodies = [record["body"] for record in event(name)["Records"] if record["messageId"] != POISON]
    assert bodies
    assert all(S3Model.model_validate_json(body).Records for body in bodies)


def test_every_event_is_tried_and_every_function_has_one() -> None:
    assert set(TABLE) == set(EVENTS)
    assert {function for function, _ in TABLE.values()} == set(FUNCTIONS)
