"""Who may call, tried on stacks that are deployed for known callers beside the open one."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from imagescan_cli.answers import Exit
from local import paths, sam
from local.client import question
from local.environments import REGION
from local.stack import Stack

PASSWORD = "Correct-horse-battery-staple-1"  # noqa: S105 - of a user that lives as long as the test


class Guarded:
    """A stack whose API knows its callers."""

    def __init__(self, stack: Stack, access: str) -> None:
        self.name = f"access-{access}-{uuid.uuid4().hex[:6]}"
        self._stack = stack
        parameters = {
            "AuthMode": access,
            "IsLocalEmulator": "true",
            "RekognitionEndpointUrl": stack.rekognition_url,
            "ImagesBucketPrefix": self.name,
        }
        sam.deploy(
            sam.build(), stack.aws_endpoint, {"Architecture": sam.architecture(), **parameters}, stack_name=self.name
        )
        [deployed] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in deployed["Outputs"]}
        self.url = f"{stack.aws_endpoint}/restapis/{self.outputs['ApiId']}/v1/_user_request_"

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        return self._stack.client(service)

    def remove(self) -> None:
        """Deletes the stack."""
        self.client("cloudformation").delete_stack(StackName=self.name)

    def post(self, auth: httpx.Auth | None, picture: Path) -> httpx.Response:
        """``POST /scanrequest``."""
        return httpx.post(f"{self.url}/scanrequest", json=question(picture, "cat"), auth=auth, timeout=60)

    def get(self, auth: httpx.Auth | None, request_id: str) -> httpx.Response:
        """``GET /scanrequest/{request_id}``."""
        return httpx.get(f"{self.url}/scanrequest/{request_id}", auth=auth, timeout=60)


class Signature(httpx.Auth):
    """Signs what is sent (SigV4) with a user's key or a session's."""

    requires_request_body = True

    def __init__(self, key: dict[str, str]) -> None:
        self._credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))
        self.environment = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        signed = AWSRequest(request.method, str(request.url), {}, request.content)
        SigV4Auth(self._credentials, "execute-api", REGION).add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request


class Token(httpx.Auth):
    """Sends a user's ID token."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.environment = {"IMAGESCAN_TOKEN": token}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._token
        yield request


def iam_user(guarded: Guarded, *, may_invoke: bool = True) -> Signature:
    iam, name = guarded.client("iam"), f"user-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=name)
    if may_invoke:
        iam.put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=_may_invoke(guarded))
    return Signature(iam.create_access_key(UserName=name)["AccessKey"])


def iam_role(guarded: Guarded) -> str:
    """The ARN of a role that the account's users may take on, and that may call."""
    iam, name = guarded.client("iam"), f"role-{uuid.uuid4().hex[:6]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=_may_invoke(guarded))
    return str(made["Role"]["Arn"])


def session_of(guarded: Guarded, role: str) -> Signature:
    """Somebody who takes the role on under a name made up for the purpose."""
    taken = guarded.client("sts").assume_role(RoleArn=role, RoleSessionName=f"session-{uuid.uuid4().hex}")
    return Signature(taken["Credentials"])


def _may_invoke(guarded: Guarded) -> str:
    everything = f"arn:aws:execute-api:{REGION}:000000000000:{guarded.outputs['ApiId']}/*"
    return _policy({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": everything})


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pool_user(guarded: Guarded) -> Token:
    cognito, pool = guarded.client("cognito-idp"), guarded.outputs["UserPoolId"]
    who = {"UserPoolId": pool, "Username": f"{uuid.uuid4().hex}@example.org"}
    cognito.admin_create_user(**who, TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**who, Password=PASSWORD, Permanent=True)
    signed_in = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=_client_for_passwords(guarded),
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": who["Username"], "PASSWORD": PASSWORD},
    )
    return Token(signed_in["AuthenticationResult"]["IdToken"])


def _client_for_passwords(guarded: Guarded) -> str:
    """The stack's own client lets nobody send a password."""
    made = guarded.client("cognito-idp").create_user_pool_client(
        UserPoolId=guarded.outputs["UserPoolId"],
        ClientName="test",
        ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return str(made["UserPoolClient"]["ClientId"])


CALLERS: dict[str, Callable[[Guarded], Signature | Token]] = {"iam": iam_user, "cognito": pool_user}
FLAGS = {"iam": ["--auth", "iam", "--region", REGION], "cognito": []}


@pytest.fixture(scope="module", params=CALLERS)
def access(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def guarded(stack: Stack, access: str) -> Iterator[Guarded]:
    guarded = Guarded(stack, access)
    yield guarded
    guarded.remove()


def test_a_caller_reads_what_is_theirs_and_anothers_answers_like_an_absent_one(
    guarded: Guarded, access: str, fresh_picture: Path
) -> None:
    ann, bob = CALLERS[access](guarded), CALLERS[access](guarded)
    posted = guarded.post(ann, fresh_picture)
    assert posted.status_code == 202, posted.text
    request_id = posted.json()["request_id"]
    assert guarded.get(ann, request_id).status_code == 200
    anothers, absent = guarded.get(bob, request_id), guarded.get(bob, str(uuid.uuid4()))
    assert (anothers.status_code, anothers.text) == (404, absent.text)


def test_the_command_line_shows_who_calls(guarded: Guarded, access: str, fresh_picture: Path, tmp_path: Path) -> None:
    submit = ["submit", str(fresh_picture), "--label", "cat", "--wait", "--json"]
    refused = imagescan(guarded, submit, {}, tmp_path)
    assert refused.returncode == Exit.FAILED, refused.stderr
    caller = CALLERS[access](guarded)
    known = imagescan(guarded, [*FLAGS[access], *submit], caller.environment, tmp_path)
    assert known.returncode in {Exit.MATCH, Exit.NO_MATCH}, known.stderr
    assert guarded.get(caller, json.loads(known.stdout)["request_id"]).status_code == 200


def imagescan(
    guarded: Guarded, arguments: list[str], caller: Mapping[str, str], settings: Path
) -> subprocess.CompletedProcess[str]:
    (settings / "config.toml").write_text(f'api = "{guarded.url}"\n')
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGESCAN_", "AWS_"))}
    ours = {"IMAGESCAN_CONFIG": str(settings / "config.toml"), "PYTHONPATH": str(paths.ROOT / "cli")}
    command = [sys.executable, "-m", "imagescan_cli", *arguments]
    environment = inherited | ours | dict(caller)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_nobody_gets_in_unknown(guarded: Guarded, fresh_picture: Path) -> None:
    answers = [guarded.post(who, fresh_picture) for who in (None, Token("made-up"))]
    answers.append(guarded.get(None, str(uuid.uuid4())))
    assert {answer.status_code for answer in answers} <= {401, 403}
    assert not any("request" in answer.json() for answer in answers)


def test_a_preflight_needs_no_credentials(guarded: Guarded) -> None:
    answer = httpx.options(f"{guarded.url}/scanrequest", timeout=60)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


@pytest.mark.parametrize("access", ["iam"], scope="module")
def test_a_known_identity_without_leave_to_invoke_is_refused(guarded: Guarded, fresh_picture: Path) -> None:
    assert guarded.post(iam_user(guarded, may_invoke=False), fresh_picture).status_code == 403


@pytest.mark.parametrize("access", ["iam"], scope="module")
def test_a_role_reads_what_it_asked_in_another_session(guarded: Guarded, fresh_picture: Path) -> None:
    mine, anothers = iam_role(guarded), iam_role(guarded)
    posted = guarded.post(session_of(guarded, mine), fresh_picture)
    assert posted.status_code == 202, posted.text
    answers = [guarded.get(session_of(guarded, role), posted.json()["request_id"]) for role in (mine, anothers)]
    assert [answer.status_code for answer in answers] == [200, 404]
