"""Authentication and ownership, tested on additional stacks with IAM and Cognito authentication."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from imagescan_cli.exit_codes import ExitCode
from local.client import question
from local.stack import Stack
from tools import paths, sam
from tools.env import REGION

PASSWORD = "Correct-horse-battery-staple-1"  # noqa: S105 - password of a temporary test user


class AuthStack:
    """Deployed stack that authenticates callers."""

    def __init__(self, stack: Stack, auth_mode: str) -> None:
        self.name = f"access-{auth_mode}-{uuid.uuid4().hex[:6]}"
        self._stack = stack
        parameters = {
            "AuthMode": auth_mode,
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
        """Return a boto3 client for the AWS emulator."""
        return self._stack.client(service)

    def remove(self) -> None:
        """Delete the stack."""
        self.client("cloudformation").delete_stack(StackName=self.name)

    def post(self, auth: httpx.Auth | None, image: Path) -> httpx.Response:
        """Send ``POST /scanrequest``."""
        return httpx.post(f"{self.url}/scanrequest", json=question(image, "cat"), auth=auth, timeout=60)

    def get(self, auth: httpx.Auth | None, request_id: str) -> httpx.Response:
        """Send ``GET /scanrequest/{request_id}``."""
        return httpx.get(f"{self.url}/scanrequest/{request_id}", auth=auth, timeout=60)


class Signature(httpx.Auth):
    """Signs requests (SigV4) with the keys of a user or session."""

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
    """Sends an ID token."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.environment = {"IMAGESCAN_TOKEN": token}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._token
        yield request


def iam_user(auth_stack: AuthStack, *, may_invoke: bool = True) -> Signature:
    iam, name = auth_stack.client("iam"), f"user-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=name)
    if may_invoke:
        iam.put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=_may_invoke(auth_stack))
    return Signature(iam.create_access_key(UserName=name)["AccessKey"])


def iam_role(auth_stack: AuthStack) -> str:
    """Create a role that can call the API and that every user of the account can assume. Return its ARN."""
    iam, name = auth_stack.client("iam"), f"role-{uuid.uuid4().hex[:6]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=_may_invoke(auth_stack))
    return str(created["Role"]["Arn"])


def session_of(auth_stack: AuthStack, role: str) -> Signature:
    """Assume the role under a unique session name."""
    assumed = auth_stack.client("sts").assume_role(RoleArn=role, RoleSessionName=f"session-{uuid.uuid4().hex}")
    return Signature(assumed["Credentials"])


def _may_invoke(auth_stack: AuthStack) -> str:
    all_methods = f"arn:aws:execute-api:{REGION}:000000000000:{auth_stack.outputs['ApiId']}/*"
    return _policy({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": all_methods})


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pool_user(auth_stack: AuthStack) -> Token:
    cognito, pool = auth_stack.client("cognito-idp"), auth_stack.outputs["UserPoolId"]
    user = {"UserPoolId": pool, "Username": f"{uuid.uuid4().hex}@example.org"}
    cognito.admin_create_user(**user, TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
    signed_in = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=_password_client(auth_stack),
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user["Username"], "PASSWORD": PASSWORD},
    )
    return Token(signed_in["AuthenticationResult"]["IdToken"])


def _password_client(auth_stack: AuthStack) -> str:
    """Create an app client with password authentication, which the client of the stack does not allow."""
    created = auth_stack.client("cognito-idp").create_user_pool_client(
        UserPoolId=auth_stack.outputs["UserPoolId"],
        ClientName="test",
        ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return str(created["UserPoolClient"]["ClientId"])


CALLERS: dict[str, Callable[[AuthStack], Signature | Token]] = {"iam": iam_user, "cognito": pool_user}
FLAGS = {"iam": ["--auth", "iam", "--region", REGION], "cognito": []}


@pytest.fixture(scope="module", params=CALLERS)
def auth_mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def auth_stack(stack: Stack, auth_mode: str) -> Iterator[AuthStack]:
    auth_stack = AuthStack(stack, auth_mode)
    yield auth_stack
    auth_stack.remove()


def test_callers_can_read_their_own_requests_and_get_404_for_others(
    auth_stack: AuthStack, auth_mode: str, fresh_image: Path
) -> None:
    ann, bob = CALLERS[auth_mode](auth_stack), CALLERS[auth_mode](auth_stack)
    posted = auth_stack.post(ann, fresh_image)
    assert posted.status_code == 202, posted.text
    request_id = posted.json()["request_id"]
    assert auth_stack.get(ann, request_id).status_code == 200
    foreign, missing = auth_stack.get(bob, request_id), auth_stack.get(bob, str(uuid.uuid4()))
    assert (foreign.status_code, foreign.text) == (404, missing.text)


def test_the_cli_authenticates(auth_stack: AuthStack, auth_mode: str, fresh_image: Path, tmp_path: Path) -> None:
    submit = ["submit", str(fresh_image), "--label", "cat", "--wait", "--json"]
    rejected = imagescan(auth_stack, submit, {}, tmp_path)
    assert rejected.returncode == ExitCode.FAILED, rejected.stderr
    caller = CALLERS[auth_mode](auth_stack)
    accepted = imagescan(auth_stack, [*FLAGS[auth_mode], *submit], caller.environment, tmp_path)
    assert accepted.returncode in {ExitCode.MATCH, ExitCode.NO_MATCH}, accepted.stderr
    assert auth_stack.get(caller, json.loads(accepted.stdout)["request_id"]).status_code == 200


def test_a_hash_is_sufficient_only_after_the_caller_has_sent_the_image(
    auth_stack: AuthStack, auth_mode: str, fresh_image: Path, tmp_path: Path
) -> None:
    ann, bob = CALLERS[auth_mode](auth_stack), CALLERS[auth_mode](auth_stack)
    content = fresh_image.read_bytes()
    by_hash = {"sha256": sha256(content).hexdigest(), "size": len(content), "fileType": "image/jpeg", "label": "cat"}

    def submit_and_wait(caller: Signature | Token) -> None:
        command = [*FLAGS[auth_mode], "submit", str(fresh_image), "--label", "cat", "--wait"]
        assert imagescan(auth_stack, command, caller.environment, tmp_path).returncode in {0, 1}

    def status(caller: Signature | Token) -> int:
        return httpx.post(f"{auth_stack.url}/scanrequest", json=by_hash, auth=caller, timeout=60).status_code

    submit_and_wait(ann)
    assert (status(ann), status(bob)) == (200, 202)
    submit_and_wait(bob)
    assert status(bob) == 200


def imagescan(
    auth_stack: AuthStack, arguments: list[str], caller: Mapping[str, str], settings: Path
) -> subprocess.CompletedProcess[str]:
    (settings / "config.toml").write_text(f'api_url = "{auth_stack.url}"\n')
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGESCAN_", "AWS_"))}
    overrides = {"IMAGESCAN_CONFIG": str(settings / "config.toml"), "PYTHONPATH": str(paths.ROOT / "cli")}
    command = [sys.executable, "-m", "imagescan_cli", *arguments]
    environment = inherited | overrides | dict(caller)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - fixed command


def test_unauthenticated_requests_are_rejected(auth_stack: AuthStack, fresh_image: Path) -> None:
    responses = [auth_stack.post(auth, fresh_image) for auth in (None, Token("invalid"))]
    responses.append(auth_stack.get(None, str(uuid.uuid4())))
    assert {response.status_code for response in responses} <= {401, 403}
    assert not any("request" in response.json() for response in responses)


def test_preflight_requests_need_no_credentials(auth_stack: AuthStack) -> None:
    response = httpx.options(f"{auth_stack.url}/scanrequest", timeout=60)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (204, "*")


@pytest.mark.parametrize("auth_mode", ["iam"], scope="module")
def test_a_user_without_invoke_permission_is_rejected(auth_stack: AuthStack, fresh_image: Path) -> None:
    assert auth_stack.post(iam_user(auth_stack, may_invoke=False), fresh_image).status_code == 403


@pytest.mark.parametrize("auth_mode", ["iam"], scope="module")
def test_a_role_can_read_its_requests_in_another_session(auth_stack: AuthStack, fresh_image: Path) -> None:
    role, other_role = iam_role(auth_stack), iam_role(auth_stack)
    posted = auth_stack.post(session_of(auth_stack, role), fresh_image)
    assert posted.status_code == 202, posted.text
    responses = [
        auth_stack.get(session_of(auth_stack, each), posted.json()["request_id"]) for each in (role, other_role)
    ]
    assert [response.status_code for response in responses] == [200, 404]
