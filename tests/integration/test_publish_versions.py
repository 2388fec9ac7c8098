import json
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from rich.console import Console

from ops.publish_versions import functions_of, publish_versions
from testing.template import Template
from tools import paths
from tools.env import EMULATOR_CREDENTIALS

FUNCTIONS = {"SubmitFunction": "imagescan-staging-Submit", "ScannerFunction": "imagescan-staging-Scanner"}
SUBMIT, SCANNER = FUNCTIONS.values()


@pytest.fixture
def lambdas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a Lambda client with both functions after a deployment: the alias points to version 1."""
    for name, value in EMULATOR_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client: Any = boto3.client("lambda")
        for function in FUNCTIONS.values():
            create_function(client, function, role)
            client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
        yield client


def create_function(client: Any, function: str, role: str) -> None:
    code = {"ZipFile": zip_archive("one")}
    client.create_function(
        FunctionName=function, Role=role, Runtime="python3.13", Handler="a.handler", MemorySize=512, Code=code
    )
    client.publish_version(FunctionName=function)


def zip_archive(code: str) -> bytes:
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr("a.py", code)
    return archive.getvalue()


def live_versions(client: Any) -> dict[str, str]:
    """Return the version behind the alias of each function."""
    return {each: client.get_alias(FunctionName=each, Name="live")["FunctionVersion"] for each in FUNCTIONS.values()}


def memory(client: Any, function: str) -> int:
    """Return the memory in MB of the version behind the alias."""
    return int(client.get_function_configuration(FunctionName=function, Qualifier="live")["MemorySize"])


def run(client: Any) -> tuple[bool, str]:
    """Publish the functions. Return the result and the output."""
    out = StringIO()
    return publish_versions(FUNCTIONS, client, Console(file=out, width=250)), out.getvalue()


def test_an_unchanged_stack_is_not_changed(lambdas: Any) -> None:
    assert run(lambdas) == (True, "")
    assert live_versions(lambdas) == {SUBMIT: "1", SCANNER: "1"}
    assert len(lambdas.list_versions_by_function(FunctionName=SUBMIT)["Versions"]) == 2  # $LATEST is the other


def test_a_changed_memory_size_takes_effect_and_other_functions_do_not_change(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    assert memory(lambdas, SCANNER) == 512  # a deployment alone does not change the alias
    assert run(lambdas) == (True, "ScannerFunction: live now points to version 2 (previously 1).\n")
    assert live_versions(lambdas) == {SUBMIT: "1", SCANNER: "2"}
    assert memory(lambdas, SCANNER) == 1024


def test_publishing_twice_changes_nothing(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    run(lambdas)
    assert run(lambdas) == (True, "")
    assert live_versions(lambdas) == {SUBMIT: "1", SCANNER: "2"}


def test_an_interrupted_publication_is_resumed(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    lambdas.publish_version(FunctionName=SCANNER)
    assert run(lambdas) == (True, "ScannerFunction: live now points to version 2 (previously 1).\n")


def test_a_function_is_skipped_while_a_gradual_deployment_shifts_its_alias(lambdas: Any) -> None:
    lambdas.update_function_code(FunctionName=SCANNER, ZipFile=zip_archive("two"))
    lambdas.publish_version(FunctionName=SCANNER)
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    lambdas.update_alias(FunctionName=SCANNER, Name="live", RoutingConfig=weights)
    for function in FUNCTIONS.values():
        lambdas.update_function_configuration(FunctionName=function, MemorySize=1024)
    is_complete, output = run(lambdas)
    assert not is_complete
    assert "SubmitFunction: live now points to version 2 (previously 1).\n" in output
    assert "ScannerFunction: skipped. A gradual deployment is in progress." in output
    assert live_versions(lambdas) == {SUBMIT: "2", SCANNER: "1"}
    assert lambdas.get_alias(FunctionName=SCANNER, Name="live")["RoutingConfig"] == weights


def test_no_version_is_published_of_a_function_without_the_alias(lambdas: Any) -> None:
    lambdas.delete_alias(FunctionName=SUBMIT, Name="live")
    lambdas.update_function_configuration(FunctionName=SUBMIT, MemorySize=1024)
    assert run(lambdas) == (True, "")
    assert len(lambdas.list_versions_by_function(FunctionName=SUBMIT)["Versions"]) == 2


def test_the_alias_is_updated_after_the_snapshot_and_only_if_no_deployment_started_meanwhile(lambdas: Any) -> None:
    """moto has no snapshots and ignores the revision ID, so this test checks the calls."""
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    revision = lambdas.get_alias(FunctionName=SCANNER, Name="live")["RevisionId"]
    calls = record_calls(lambdas)
    run(lambdas)
    wait, update = calls[-2:]
    assert (wait[0], wait[1]) == ("GetFunctionConfiguration", {"Qualifier": "2"})
    assert update == ("UpdateAlias", {"FunctionVersion": "2", "RevisionId": revision})


def test_the_pipeline_role_allows_exactly_these_calls_on_functions(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    calls = record_calls(lambdas)
    run(lambdas)
    names = {"Environment": "staging", "Artefacts.Arn": "artefacts", "CloudFormationRole.Arn": "role"}
    regions = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    bootstrap = Template(names | regions, paths.ROOT / "bootstrap" / "github-role.yaml")
    [policy] = bootstrap.properties("DeployRole", "AssumeRolePolicyDocument")["Policies"]
    actions = [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
    granted = {action for some in actions for action in ([some] if isinstance(some, str) else some)}
    assert {f"lambda:{name}" for name, _ in calls} == {action for action in granted if action.startswith("lambda:")}


def record_calls(client: Any) -> list[tuple[str, dict[str, str]]]:
    """Return a list that receives every operation from now on, with its query or body."""
    calls: list[tuple[str, dict[str, str]]] = []

    def record(model: Any, params: dict[str, Any], **_: Any) -> None:
        calls.append((model.name, params["query_string"] or json.loads(params["body"] or "{}")))

    client.meta.events.register("before-call.lambda", record)
    return calls


@pytest.mark.usefixtures("lambdas")
def test_all_functions_of_a_stack_with_several_pages_of_resources_are_found() -> None:
    cloudformation = boto3.client("cloudformation")
    resources = {name: ("AWS::Lambda::Function", function) for name, function in FUNCTIONS.items()}
    pages = [
        {"SubmitLogs": ("AWS::Logs::LogGroup", "logs"), **resources},
        {"LateFunction": resources["SubmitFunction"]},
    ]
    with Stubber(cloudformation) as stubber:
        stubber.add_response("list_stack_resources", page_of(pages[0]) | {"NextToken": "more"}, {"StackName": "it"})
        stubber.add_response("list_stack_resources", page_of(pages[1]), {"StackName": "it", "NextToken": "more"})
        assert functions_of("it", cloudformation) == FUNCTIONS | {"LateFunction": SUBMIT}


def page_of(resources: dict[str, tuple[str, str]]) -> dict[str, Any]:
    summaries = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": "2026-11-22T12:00:00Z",
        }
        for name, (kind, physical) in resources.items()
    ]
    return {"StackResourceSummaries": summaries}
