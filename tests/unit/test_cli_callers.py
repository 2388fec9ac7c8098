"""What the API is told of who calls."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from imagescan_cli.callers import Auth, Caller
from imagescan_cli.commands import app
from tests.unit.cli_service import FakeService

pytestmark = pytest.mark.enable_socket  # the service listens on this machine's loopback

type Run = Callable[..., Result]

KEY = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
SIGNED_FOR = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"


@pytest.fixture
def run(service: FakeService, tmp_path: Path) -> Run:
    def run(*arguments: object, settings: str = "", **environment: str) -> Result:
        file = tmp_path / "config.toml"
        file.write_text(settings)
        nobody = dict.fromkeys(["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
        elsewhere = dict.fromkeys(["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"], str(tmp_path / "none"))
        known = {"IMAGESCAN_CONFIG": str(file), "IMAGESCAN_API": service.api, "IMAGESCAN_TOKEN": None}
        variables = nobody | elsewhere | known | {"AWS_EC2_METADATA_DISABLED": "true"} | environment
        return CliRunner().invoke(app, [str(each) for each in arguments], env=variables)

    return run


def told(service: FakeService) -> dict[str, set[str | None]]:
    """The Authorization of every call, by whether it went to the API or to the bucket."""
    said: dict[str, set[str | None]] = {"api": set(), "bucket": set()}
    for path, headers in zip(service.paths, service.headers, strict=True):
        said["bucket" if path.startswith("/bucket/") else "api"].add(headers.get("Authorization"))
    return said


def test_a_token_goes_with_every_call_of_the_api_and_with_no_upload(
    run: Run, service: FakeService, picture: Path
) -> None:
    assert run("submit", picture, "--wait", IMAGESCAN_TOKEN="ey.id").exit_code == 0  # noqa: S106 - no true one
    assert told(service) == {"api": {"ey.id"}, "bucket": {None}}


def test_a_signature_is_of_each_call_of_the_api_and_of_no_upload(run: Run, service: FakeService, picture: Path) -> None:
    assert run("--auth", "iam", "--region", "eu-west-1", "submit", picture, "--wait", **KEY).exit_code == 0
    said = told(service)
    assert said["bucket"] == {None}
    assert len(said["api"]) == service.calls["submit"] + service.calls["status"]
    assert all(each and each.startswith(SIGNED_FOR) and "/eu-west-1/execute-api/" in each for each in said["api"])


def test_the_session_token_of_a_role_is_sent_and_signed(run: Run, service: FakeService) -> None:
    run("--auth", "iam", "--region", "eu-west-1", "status", "r1", **KEY, AWS_SESSION_TOKEN="role")  # noqa: S106 - no true one
    [headers] = service.headers
    assert {name.lower(): value for name, value in headers.items()}["x-amz-security-token"] == "role"
    assert "x-amz-security-token" in headers["Authorization"]


@pytest.mark.parametrize(
    ("flags", "settings", "token", "sent"),
    [
        ([], "", "", None),
        ([], "", "ey.environment", "ey.environment"),
        (["--token", "ey.flag"], "", "ey.environment", "ey.flag"),
        (["--auth", "none"], "", "ey.environment", None),
        ([], 'auth = "none"', "ey.environment", None),
        (["--auth", "token"], 'auth = "iam"', "ey.environment", "ey.environment"),
    ],
)
def test_a_flag_outweighs_the_file_in_who_calls(
    run: Run, service: FakeService, *, flags: list[str], settings: str, token: str, sent: str | None
) -> None:
    run(*flags, "status", "r1", settings=settings, IMAGESCAN_TOKEN=token)
    assert told(service)["api"] == {sent}


def test_a_file_says_how_callers_are_known_and_where(run: Run, service: FakeService) -> None:
    run("status", "r1", settings='auth = "iam"\nregion = "eu-north-1"\n', **KEY)
    [said] = told(service)["api"]
    assert said and "/eu-north-1/execute-api/" in said  # noqa: PT018 - one statement: it is there and says so


@pytest.mark.parametrize(
    ("arguments", "settings", "complaint"),
    [
        (["--auth", "token", "status", "r1"], "", "IMAGESCAN_TOKEN"),
        (["--auth", "iam", "status", "r1"], "", "--region"),
        (["--auth", "iam", "--region", "eu-west-1", "status", "r1"], "", "no AWS credentials"),
        (["status", "r1"], 'auth = "password"', "none, iam, token"),
        (["status", "r1"], 'token = "ey"', "sets token"),
    ],
)
def test_what_is_missing_to_know_the_caller_is_a_wrong_command_line(
    run: Run, service: FakeService, arguments: list[str], settings: str, complaint: str
) -> None:
    result = run(*arguments, settings=settings)
    assert (result.exit_code, service.paths) == (2, [])
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_the_region_is_read_from_the_address_of_an_api(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEY.items():
        monkeypatch.setenv(name, value)
    api = "https://abc123.execute-api.eu-west-1.amazonaws.com/v1"
    signing = Caller(Auth.IAM).at(api)
    assert signing
    signed = next(signing.auth_flow(httpx.Request("GET", f"{api}/scanrequest/r1")))
    assert "/eu-west-1/execute-api/" in signed.headers["Authorization"]


def test_who_signs_nothing_needs_no_botocore() -> None:
    program = "import sys; sys.modules['botocore'] = None; import imagescan_cli.commands"
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": "cli"}, check=False)  # noqa: S603 - our own
    assert done.returncode == 0
