"""Invoke each function with its files in events/ and validate their format."""

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
MALFORMED_MESSAGE_ID = "00000004-0000-4000-8000-000000000000"

type Check = Callable[[MotoEnvironment, dict[str, Any]], bool]


def returns(status: int) -> Check:
    return lambda _, response: response["statusCode"] == status


def retries(*message_ids: str) -> Check:
    return lambda _, response: [each["itemIdentifier"] for each in response["batchItemFailures"]] == list(message_ids)


def scans(*images: bytes, failures: tuple[str, ...] = ()) -> Check:
    expected = {hash_of(image): 1 for image in images}
    return lambda env, response: env.detector.calls == expected and retries(*failures)(env, response)


def sweeps(_: MotoEnvironment, response: dict[str, Any]) -> bool:
    return bool(response["is_complete"]) and response["pending"] == 2


def purges(_: MotoEnvironment, response: dict[str, Any]) -> bool:
    return response == {"images_purged": 0, "failed": 0, "is_complete": True}


def publishes(*labels: str) -> Check:
    return lambda env, response: (
        [each["labels_asked"] for each in env.bus.details] == [[label] for label in labels] and retries()(env, response)
    )


CASES: dict[str, tuple[str, Check]] = {
    "delete-unknown": ("DeleteFunction", returns(404)),
    "stream-records": ("EventPublisherFunction", publishes("cat", "dog")),
    "list-requests": ("ListRequestsFunction", returns(200)),
    "preflight": ("StatusFunction", returns(204)),
    "ask-unknown-request": ("AskFollowUpFunction", returns(404)),
    "scanner-batch": ("ScannerFunction", scans(CAT, ROCKET, failures=(MALFORMED_MESSAGE_ID,))),
    "scanner-test-event": ("ScannerFunction", retries()),
    "scanner-upload": ("ScannerFunction", scans(CAT)),
    "stats": ("StatsFunction", returns(200)),
    "status-unknown": ("StatusFunction", returns(404)),
    "submit-astronaut": ("SubmitFunction", returns(202)),
    "submit-cat": ("SubmitFunction", returns(202)),
    "submit-coffee": ("SubmitFunction", returns(202)),
    "submit-direct-upload": ("SubmitFunction", returns(202)),
    "submit-grace_hopper": ("SubmitFunction", returns(202)),
    "submit-batch": ("SubmitFunction", returns(200)),
    "submit-motorcycle": ("SubmitFunction", returns(202)),
    "submit-not-an-image": ("SubmitFunction", returns(415)),
    "submit-rocket": ("SubmitFunction", returns(202)),
    "purger-schedule": ("PurgerFunction", purges),
    "sweeper-schedule": ("SweeperFunction", sweeps),
}
MODELS: dict[str, type[BaseModel]] = {
    "SubmitFunction": APIGatewayProxyEventModel,
    "StatusFunction": APIGatewayProxyEventModel,
    "AskFollowUpFunction": APIGatewayProxyEventModel,
    "ListRequestsFunction": APIGatewayProxyEventModel,
    "DeleteFunction": APIGatewayProxyEventModel,
    "ScannerFunction": SqsModel,
    "SweeperFunction": EventBridgeModel,
    "PurgerFunction": EventBridgeModel,
    "EventPublisherFunction": DynamoDBStreamModel,
    "StatsFunction": APIGatewayProxyEventModel,
}


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(EVENTS[name].read_text())
    return loaded


@pytest.mark.parametrize(("name", "function", "check"), [(name, *case) for name, case in CASES.items()])
def test_a_function_accepts_its_event(env: MotoEnvironment, name: str, function: str, check: Check) -> None:
    for upload in ("submit-cat", "submit-rocket"):
        if name.startswith(("scanner", "sweeper")):
            env.functions.invoke("SubmitFunction", event(upload))
    assert check(env, env.functions.invoke(function, event(name)))


@pytest.mark.parametrize(("name", "function"), [(name, function) for name, (function, _) in CASES.items()])
def test_an_event_has_the_format_of_aws(name: str, function: str) -> None:
    assert MODELS[function].model_validate(event(name))


@pytest.mark.parametrize("name", ["scanner-upload", "scanner-batch"])
def test_an_upload_message_has_the_format_of_s3(name: str) -> None:
    bodies = [record["body"] for record in event(name)["Records"] if record["messageId"] != MALFORMED_MESSAGE_ID]
    assert bodies
    assert all(S3Model.model_validate_json(body).Records for body in bodies)


def test_every_event_has_a_case_and_every_function_an_event() -> None:
    assert set(CASES) == set(EVENTS)
    assert {function for function, _ in CASES.values()} == set(FUNCTIONS)
