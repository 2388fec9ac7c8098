"""Check the commands and policies of the deployment documentation that only AWS can run."""

import json
import re
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from imagescan.domain.image import MAX_POSTED_BYTES
from ops.environment import environment
from testing.deployment import Deployment
from testing.functions import proxy_event
from testing.markdown import read_page
from testing.template import Template
from tools import paths

DEPLOY, OPERATIONS, VERIFICATION = (
    (paths.ROOT / "docs" / f"{name}.md").read_text() for name in ("deploy", "operations", "verification")
)
LAMBDA_PAYLOAD_BYTES = 6_291_456


def test_the_opt_out_policy_is_valid_and_opts_out_of_rekognition() -> None:
    [policy] = re.findall(r"--content '(.+)'\)", DEPLOY)
    assert json.loads(policy) == {"services": {"rekognition": {"opt_out_policy": {"@@assign": "optOut"}}}}
    assert "docs/deploy.md#images-and-ai-services" in (paths.ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", [DEPLOY, OPERATIONS], ids=["deploy", "operations"])
def test_users_are_created_with_a_verified_email_address(page: str) -> None:
    """Without it, they receive no email with their password and cannot reset it."""
    commands = re.findall(r"aws cognito-idp admin-create-user (?:.*\\\n)*.*", page)
    invitations = [each for each in commands if "SUPPRESS" not in each]
    assert invitations
    for command in invitations:
        assert "Name=email_verified,Value=true" in command
        assert "--desired-delivery-mediums EMAIL" in command


def test_the_largest_posted_image_fits_into_the_payload_limit_of_lambda() -> None:
    body = json.dumps({"file": b64encode(bytes(MAX_POSTED_BYTES)).decode(), "fileType": "image/jpeg", "label": "cat"})
    headers = {f"x-header-{number}": "a" * 1000 for number in range(10)}  # API Gateway accepts 10,240 bytes of headers
    event = json.dumps(proxy_event("POST", body) | {"headers": headers, "multiValueHeaders": headers})
    assert len(event) < LAMBDA_PAYLOAD_BYTES


def test_escaped_plus_signs_exceed_the_payload_limit_as_the_runbook_states() -> None:
    expected_escapes = MAX_POSTED_BYTES * 4 // 3 // 64
    assert MAX_POSTED_BYTES * 4 // 3 + expected_escapes * len("u002B") > LAMBDA_PAYLOAD_BYTES
    assert "`\\u002B`" in OPERATIONS


def test_the_body_of_a_rejected_size_is_the_usual_error_body() -> None:
    responses = Deployment.of().properties("Api")["Body"]["x-amazon-apigateway-gateway-responses"]
    for kind in ("REQUEST_TOO_LARGE", "DEFAULT_4XX", "INTEGRATION_FAILURE", "DEFAULT_5XX"):
        assert {"code", "message"} == set(
            re.findall(r'"(\w+)":', responses[kind]["responseTemplates"]["application/json"])
        )


def test_every_documented_deployment_parameter_exists() -> None:
    parameters = set(Template({}).parameters)
    tables = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", DEPLOY.split("### Parameters")[1].split("##")[0], re.MULTILINE)
    documented = {name for row in tables for name in re.findall(r"`(\w+)`", row)}
    set_in_script = set(re.findall(r"set_parameter \"?(\w+)=", VERIFICATION))
    assert documented - {"iam", "cognito", "open"} <= parameters
    assert set_in_script <= parameters


def test_the_parameters_of_the_verification_script_are_appended_to_staging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the helper of docs/verification.md on a copy of samconfig.toml."""
    (tmp_path / "samconfig.toml").write_text((paths.ROOT / "samconfig.toml").read_text())
    [helper] = re.findall(r"^set_parameter\(\) \{.*?^\}", VERIFICATION, re.MULTILINE | re.DOTALL)
    script = f"{helper}\nset_parameter WebHosting=cloudfront\nset_parameter AlarmEmail=ann@example.org"
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, check=True)  # noqa: S603, S607 - a fixed command
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    staging, production = environment("staging").parameters, environment("production").parameters
    assert (staging["WebHosting"], staging["AlarmEmail"]) == ("cloudfront", "ann@example.org")
    assert (production["WebHosting"], "AlarmEmail" in production) == ("none", False)


@pytest.mark.parametrize("name", ["deploy", "operations", "verification"])
def test_every_shell_block_has_valid_syntax(name: str) -> None:
    page = read_page(paths.ROOT / "docs" / f"{name}.md")
    for block in page.blocks:
        if block.language == "bash":
            checked = subprocess.run(["bash", "-n"], input=block.code, capture_output=True, text=True, check=False)  # noqa: S607 - a fixed command
            assert checked.returncode == 0, f"{name}.md:{block.line}: {checked.stderr}"


def test_the_verification_script_takes_two_hours() -> None:
    minutes = [int(each) for each in re.findall(r"^\| \[\d\. .+\]\(#.+\) \| (\d+) \|$", VERIFICATION, re.MULTILINE)]
    headings = re.findall(r"^## \d\. ", VERIFICATION, re.MULTILINE)
    assert len(minutes) == len(headings) - 1  # the last part contains checks that take longer
    assert sum(minutes) <= 120
