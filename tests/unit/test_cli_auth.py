"""Authentication of API calls."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from imagescan_cli.auth import Auth, AuthConfig
from imagescan_cli.commands import app
from imagescan_cli.errors import AuthError
from tests.unit.cli_service import FakeService

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

type Run = Callable[..., Result]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SIGNATURE_PREFIX = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"


@pytest.fixture
def run(service: FakeService, tmp_path: Path) -> Run:
    def run(*arguments: object, settings: str = "", **environment: str) -> Result:
        file = tmp_path / "config.toml"
        file.write_text(settings)
        no_credentials = dict.fromkeys(
            ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        )
        no_files = dict.fromkeys(["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"], str(tmp_path / "none"))
        ours = {"IMAGESCAN_CONFIG": str(file), "IMAGESCAN_API_URL": service.api_url, "IMAGESCAN_TOKEN": None}
        variables = no_credentials | no_files | ours | {"AWS_EC2_METADATA_DISABLED": "true"} | environment
        return CliRunner().invoke(app, [str(each) for each in arguments], env=variables)

    return run


def authorizations(service: FakeService) -> dict[str, set[str | None]]:
    """Return the Authorization headers of all calls, by API and bucket."""
    found: dict[str, set[str | None]] = {"api": set(), "bucket": set()}
    for path, headers in zip(service.paths, service.headers, strict=True):
        found["bucket" if path.startswith("/bucket/") else "api"].add(headers.get("Authorization"))
    return found


def test_every_api_call_and_no_upload_carries_the_token(run: Run, service: FakeService, image_path: Path) -> None:
    assert run("submit", image_path, "--wait", IMAGESCAN_TOKEN="ey.id").exit_code == 0  # noqa: S106 - not a real token
    assert authorizations(service) == {"api": {"ey.id"}, "bucket": {None}}


def test_every_api_call_and_no_upload_is_signed(run: Run, service: FakeService, image_path: Path) -> None:
    flags = ["--auth", "iam", "--region", "eu-west-1"]
    assert run(*flags, "submit", image_path, "--wait", **CREDENTIALS).exit_code == 0
    found = authorizations(service)
    assert found["bucket"] == {None}
    assert len(found["api"]) == service.calls["submit"] + service.calls["status"]
    assert all(
        each and each.startswith(SIGNATURE_PREFIX) and "/eu-west-1/execute-api/" in each for each in found["api"]
    )


def test_session_token_of_a_role_is_sent_and_signed(run: Run, service: FakeService) -> None:
    flags = ["--auth", "iam", "--region", "eu-west-1"]
    run(*flags, "status", "r1", **CREDENTIALS, AWS_SESSION_TOKEN="role")  # noqa: S106 - not a real token
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
def test_flags_take_precedence_over_the_file_for_authentication(
    run: Run, service: FakeService, *, flags: list[str], settings: str, token: str, sent: str | None
) -> None:
    run(*flags, "status", "r1", settings=settings, IMAGESCAN_TOKEN=token)
    assert authorizations(service)["api"] == {sent}


def test_configuration_file_sets_the_method_and_the_region(run: Run, service: FakeService) -> None:
    run("status", "r1", settings='auth = "iam"\nregion = "eu-north-1"\n', **CREDENTIALS)
    [authorization] = authorizations(service)["api"]
    assert authorization and "/eu-north-1/execute-api/" in authorization  # noqa: PT018 - the first part narrows the type


@pytest.mark.parametrize(
    ("arguments", "settings", "complaint"),
    [
        (["--auth", "token", "status", "r1"], "", "IMAGESCAN_TOKEN"),
        (["--auth", "iam", "status", "r1"], "", "--region"),
        (["--auth", "iam", "--region", "eu-west-1", "status", "r1"], "", "no AWS credentials"),
        (["status", "r1"], 'auth = "password"', "'none', 'iam', 'token'"),
        (["status", "r1"], 'token = "ey"', ": token. Allowed settings: "),
    ],
)
def test_missing_credentials_are_a_usage_error(
    run: Run, service: FakeService, arguments: list[str], settings: str, complaint: str
) -> None:
    result = run(*arguments, settings=settings)
    assert (result.exit_code, service.paths) == (2, [])
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_region_is_taken_from_the_api_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    api_url = "https://abc123.execute-api.eu-west-1.amazonaws.com/v1"
    auth = AuthConfig(Auth.IAM).for_api(api_url)
    assert auth
    signed = next(auth.auth_flow(httpx.Request("GET", f"{api_url}/scanrequest/r1")))
    assert "/eu-west-1/execute-api/" in signed.headers["Authorization"]


def test_botocore_is_required_for_signing_only() -> None:
    program = "import sys; sys.modules['botocore'] = None; import imagescan_cli.commands"
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": "cli"}, check=False)  # noqa: S603 - our own code
    assert done.returncode == 0


def test_signing_without_botocore_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "imagescan_cli.sigv4", raising=False)
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(AuthError, match="requires botocore: install"):
        AuthConfig(Auth.IAM, region="eu-west-1").for_api("https://example.com")
