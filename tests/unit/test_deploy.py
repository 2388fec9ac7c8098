"""Test the arguments and the preparation of a deployment, without AWS."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, WaiterError

from ops import check_api, deploy
from ops.deploy import Options
from ops.environment import environment, template_defaults
from testing.bootstrap import ACCOUNT, bootstrap_properties, role_statements
from testing.deployment import Deployment
from testing.template import Template
from tools import paths
from tools.console import CommandError
from tools.package_check import check_libraries

ENVIRONMENTS = ("staging", "production")
STAGING = environment("staging")
ELF_X86_64, ELF_ARM64 = (b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little") for machine in (62, 183))


def arguments(**options: Any) -> list[str]:
    return deploy.deploy_arguments(
        STAGING, "bucket", {"DefaultLabel": 'traffic "light"', "Release": ""}, Options(**options)
    )


# ---------------------------------------------------------------- parameters


def test_an_unknown_environment_is_an_error() -> None:
    with pytest.raises(CommandError, match="'nowhere'"):
        environment("nowhere")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_has_its_own_stack_and_tags(name: str) -> None:
    target = environment(name)
    assert target.stack_name == f"imagescan-{name}"
    assert target.tags == {"Environment": name, "Product": "imagescan"}
    assert set(target.parameters) <= set(Template({}).parameters)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_sam_build_reads_the_same_parameters_as_sam_deploy(name: str) -> None:
    """A key of ENV.COMMAND would replace that of ENV.global, so no command has parameters of its own."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())[name]
    holders = {command for command, each in config.items() if "parameter_overrides" in each["parameters"]}
    assert holders == {"global"}


def test_the_sam_cli_resolves_the_parameters_for_build_and_deploy() -> None:
    """Run the SAM CLI's own parser on samconfig.toml."""
    script = (
        "import json, sys; from pathlib import Path; from samcli.lib.config.samconfig import SamConfig;"
        "from samcli.cli.types import CfnParameterOverridesType as Overrides;"
        "config = SamConfig(Path(sys.argv[1]));"
        "print(json.dumps([Overrides().convert(config.get_all([each], 'parameters', env='staging')"
        "['parameter_overrides'], None, None) for each in ('build', 'deploy')]))"
    )
    command = [str(paths.SAM_PYTHON), "-c", script, str(paths.ROOT)]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a fixed command
    assert json.loads(completed.stdout) == [dict(STAGING.parameters)] * 2
    assert STAGING.parameters["Release"] == ""  # a plain sam deploy does not keep the release of make deploy


def test_a_deployment_sets_every_parameter() -> None:
    parameters = deploy.parameters_for(STAGING, "1795736700-1f1f1ea", all_at_once=False)
    assert parameters == {**template_defaults(), **STAGING.parameters, "Release": "1795736700-1f1f1ea"}
    assert set(parameters) == set(Template({}).parameters)


def test_all_at_once_deploys_without_alarms_that_could_block_a_fix() -> None:
    parameters = deploy.parameters_for(environment("production"), "1795736700", all_at_once=True)
    assert parameters["GradualDeployment"] == "false"
    assert Deployment.of(**parameters).of_type("CodeDeploy::DeploymentGroup") == {}


def test_releases_of_consecutive_seconds_differ_in_their_first_10_characters() -> None:
    releases = [deploy.release(time, "1f1f1ea") for time in (1_795_736_700.9, 1_795_736_701.1)]
    assert releases == ["1795736700-1f1f1ea", "1795736701-1f1f1ea"]


# ---------------------------------------------------------------- sam deploy


def test_values_are_quoted_for_the_sam_cli() -> None:
    assert arguments()[-2:] == ['DefaultLabel="traffic \\"light\\""', 'Release=""']


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, {"--confirm-changeset"}),
        ({"confirm": False}, set()),
        ({"confirm": False, "role_arn": "arn:aws:iam::1:role/r"}, {"--role-arn"}),
        ({"changes_only": True}, {"--no-execute-changeset"}),
    ],
)
def test_options_select_the_flags_of_sam_deploy(options: dict[str, Any], flags: set[str]) -> None:
    always = {"--config-env", "--s3-bucket", "--s3-prefix", "--parameter-overrides"}
    assert {each for each in arguments(**options) if each.startswith("--")} == always | flags


def test_changes_of_a_pull_request_never_overwrite_the_artefacts_of_a_deployment() -> None:
    prefixes = [(given := arguments(changes_only=each))[given.index("--s3-prefix") + 1] for each in (False, True)]
    assert prefixes == ["imagescan-staging", "pull-requests/imagescan-staging"]


# ---------------------------------------------------------------- artefact bucket


class FakeS3:
    def __init__(self, error: str | None = None) -> None:
        self.error = error

    def head_bucket(self, **_: str) -> None:
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "HeadBucket")


class FakeCloudFormation:
    """Records created stacks. ``error`` is the message of the error for an unknown stack."""

    def __init__(self, error: str = "Stack with id x does not exist", *, exists: bool = False) -> None:
        self.error = error
        self.exists = exists
        self.fails = False
        self.created: list[dict[str, Any]] = []

    def describe_stacks(self, **_: str) -> None:
        if not self.exists:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": self.error}}, "DescribeStacks")

    def create_stack(self, **stack: Any) -> None:
        self.created.append(stack)

    def get_waiter(self, _: str) -> "FakeCloudFormation":
        return self

    def wait(self, **_: str) -> None:
        if self.fails:
            raise WaiterError("stack_create_complete", "it failed", {})


def test_the_machine_and_the_pipeline_use_the_same_artefact_bucket() -> None:
    cloudformation = FakeCloudFormation(exists=True)
    bucket = deploy.prepare(STAGING, ACCOUNT, FakeS3(), cloudformation)
    assert cloudformation.created == []
    assert bootstrap_properties("environment.yaml", "staging", "Artefacts")["BucketName"] == bucket
    read = [each for each in role_statements("staging", "CloudFormationRole") if each.get("Sid") == "ReadArtefacts"]
    assert [each["Resource"] for each in read] == [f"arn:aws:s3:::{bucket}/*"]


@pytest.mark.parametrize(("bucket_error", "creates_bucket"), [("404", "true"), (None, "false")])
def test_the_first_deployment_creates_the_boundary_and_a_missing_bucket(
    bucket_error: str | None, creates_bucket: str
) -> None:
    cloudformation = FakeCloudFormation()
    deploy.prepare(STAGING, ACCOUNT, FakeS3(bucket_error), cloudformation)
    [stack] = cloudformation.created
    assert stack["StackName"] == "imagescan-staging-bootstrap"
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert given == {"Environment": "staging", "CreateBucket": creates_bucket}
    assert {each["Key"]: each["Value"] for each in stack["Tags"]} == STAGING.tags


def test_a_bucket_of_another_account_is_not_used() -> None:
    with pytest.raises(CommandError, match="imagescan-staging-artefacts-111122223333"):
        deploy.prepare(STAGING, ACCOUNT, FakeS3("403"), FakeCloudFormation())


def test_missing_permissions_are_not_mistaken_for_a_missing_stack() -> None:
    with pytest.raises(ClientError, match="not authorized"):
        deploy.prepare(STAGING, ACCOUNT, FakeS3("404"), FakeCloudFormation("not authorized"))


def test_a_failed_bootstrap_stack_stops_the_deployment() -> None:
    cloudformation = FakeCloudFormation()
    cloudformation.fails = True
    with pytest.raises(CommandError, match="imagescan-staging-bootstrap"):
        deploy.prepare(STAGING, ACCOUNT, FakeS3("404"), cloudformation)


# ---------------------------------------------------------------- libraries of the build


def build_with(folder: Path, name: str, content: bytes) -> Path:
    package = folder / "SubmitFunction" / "orjson"
    package.mkdir(parents=True)
    (package / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "architecture"),
    [
        ("orjson.cpython-313-aarch64-linux-gnu.so", ELF_ARM64, "arm64"),
        ("orjson.cpython-313-x86_64-linux-gnu.so", ELF_X86_64, "x86_64"),
        ("stable.abi3.so", ELF_ARM64, "arm64"),
    ],
)
def test_a_matching_build_is_accepted(tmp_path: Path, name: str, content: bytes, architecture: str) -> None:
    check_libraries(build_with(tmp_path, name, content), architecture, "python3.13")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orjson.cpython-313-x86_64-linux-gnu.so", ELF_X86_64),
        ("orjson.cpython-314-aarch64-linux-gnu.so", ELF_ARM64),
        ("orjson.cpython-313-darwin.so", b"\xcf\xfa\xed\xfe" + bytes(16)),
    ],
    ids=["architecture", "runtime", "operating system"],
)
def test_a_build_for_another_platform_is_rejected(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(CommandError, match=r"Architecture=arm64 and Runtime=python3\.13.*global\.parameters"):
        check_libraries(build_with(tmp_path, name, content), "arm64", "python3.13")


def test_an_empty_build_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="sam build"):
        check_libraries(tmp_path, "arm64", "python3.13")


# ---------------------------------------------------------------- check of the deployed API


@pytest.mark.parametrize("auth_mode", ["iam", "cognito", "open"])
def test_each_auth_mode_has_exactly_one_expected_response(auth_mode: str) -> None:
    """API Gateway rejects anonymous calls with these gateway responses. An open API is answered by the function."""
    responses = Deployment.of(AuthMode=auth_mode).properties("Api")["Body"]["x-amazon-apigateway-gateway-responses"]
    missing, unauthorized = responses["MISSING_AUTHENTICATION_TOKEN"], responses["UNAUTHORIZED"]
    expected = {
        "iam": (int(missing["statusCode"]), code_of(missing)),
        "cognito": (
            int(unauthorized.get("statusCode", 401)),
            code_of(unauthorized),
        ),  # 401 is the default of API Gateway
        "open": (404, "request_not_found"),
    }
    assert check_api.EXPECTED[auth_mode] == expected[auth_mode]


def code_of(response: dict[str, Any]) -> str:
    return str(json.loads(response["responseTemplates"]["application/json"])["code"])


@pytest.mark.parametrize("auth_mode", check_api.EXPECTED)
@pytest.mark.parametrize("deployed", check_api.EXPECTED)
def test_the_check_fails_if_the_api_has_another_auth_mode(auth_mode: str, deployed: str) -> None:
    status, code = check_api.EXPECTED[deployed]
    difference = check_api.check(responding(status, {"code": code, "message": "..."}), "https://api/v1", auth_mode)
    assert (difference is None) is (auth_mode == deployed)


@pytest.mark.parametrize(("status", "body"), [(500, {"code": "internal_error"}), (404, "not JSON"), (200, {})])
def test_the_check_fails_for_every_other_response(status: int, body: Any) -> None:
    for auth_mode in check_api.EXPECTED:
        assert check_api.check(responding(status, body), "https://api/v1", auth_mode)


def responding(status: int, body: Any) -> httpx.Client:
    def respond(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://api/v1/scanrequest/00000000-0000-4000-8000-000000000000"
        return httpx.Response(status, json=body)

    return httpx.Client(transport=httpx.MockTransport(respond))
