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

from local import paths
from local.environments import NO_ACCOUNT
from ops.publish import functions_of, publish
from testing.template import Template

FUNCTIONS = {"SubmitFunction": "imagescan-staging-Submit", "ScannerFunction": "imagescan-staging-Scanner"}
SUBMIT, SCANNER = FUNCTIONS.values()


@pytest.fixture
def lambdas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lambda with both functions as CloudFormation left them: version 1 is published, and called."""
    for name, value in NO_ACCOUNT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client: Any = boto3.client("lambda")
        for function in FUNCTIONS.values():
            make(client, function, role)
            client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
        yield client


def make(client: Any, function: str, role: str) -> None:
    code = {"ZipFile": zipped("one")}
    client.create_function(
        FunctionName=function, Role=role, Runtime="python3.13", Handler="a.handler", MemorySize=512, Code=code
    )
    client.publish_version(FunctionName=function)


def zipped(code: str) -> bytes:
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr("a.py", code)
    return archive.getvalue()


def called(client: Any) -> dict[str, str]:
    """The version that callers reach, of each function."""
    return {each: client.get_alias(FunctionName=each, Name="live")["FunctionVersion"] for each in FUNCTIONS.values()}


def memory(client: Any, function: str) -> int:
    """What a caller's invocation has."""
    return int(client.get_function_configuration(FunctionName=function, Qualifier="live")["MemorySize"])


def published(client: Any) -> tuple[bool, str]:
    out = StringIO()
    return publish(FUNCTIONS, client, Console(file=out, width=250)), out.getvalue()


def test_an_unchanged_stack_is_left_as_it_is(lambdas: Any) -> None:
    assert published(lambdas) == (True, "")
    assert called(lambdas) == {SUBMIT: "1", SCANNER: "1"}
    assert len(lambdas.list_versions_by_function(FunctionName=SUBMIT)["Versions"]) == 2  # $LATEST is the other


def test_changed_memory_reaches_who_calls_and_other_functions_stay(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    assert memory(lambdas, SCANNER) == 512  # a deployment alone does not do it
    assert published(lambdas) == (True, "ScannerFunction: live is version 2 and was 1.\n")
    assert called(lambdas) == {SUBMIT: "1", SCANNER: "2"}
    assert memory(lambdas, SCANNER) == 1024


def test_once_is_enough(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    published(lambdas)
    assert published(lambdas) == (True, "")
    assert called(lambdas) == {SUBMIT: "1", SCANNER: "2"}


def test_a_publication_that_was_broken_off_is_taken_up(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    lambdas.publish_version(FunctionName=SCANNER)
    assert published(lambdas) == (True, "ScannerFunction: live is version 2 and was 1.\n")


def test_a_function_is_left_alone_while_a_deployment_moves_its_alias(lambdas: Any) -> None:
    lambdas.update_function_code(FunctionName=SCANNER, ZipFile=zipped("two"))
    lambdas.publish_version(FunctionName=SCANNER)
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    lambdas.update_alias(FunctionName=SCANNER, Name="live", RoutingConfig=weights)
    for function in FUNCTIONS.values():
        lambdas.update_function_configuration(FunctionName=function, MemorySize=1024)
    was_whole, said = published(lambdas)
    assert not was_whole
    assert "SubmitFunction: live is version 2 and was 1.\n" in said
    assert "ScannerFunction: left alone, a gradual deployment is under way." in said
    assert called(lambdas) == {SUBMIT: "2", SCANNER: "1"}
    assert lambdas.get_alias(FunctionName=SCANNER, Name="live")["RoutingConfig"] == weights


def test_a_function_that_nobody_calls_by_the_alias_has_no_version_made(lambdas: Any) -> None:
    lambdas.delete_alias(FunctionName=SUBMIT, Name="live")
    lambdas.update_function_configuration(FunctionName=SUBMIT, MemorySize=1024)
    assert published(lambdas) == (True, "")
    assert len(lambdas.list_versions_by_function(FunctionName=SUBMIT)["Versions"]) == 2


def test_the_alias_moves_once_the_snapshot_is_taken_and_not_over_a_deployment_begun_meanwhile(lambdas: Any) -> None:
    """moto takes no snapshots and minds no revision, so what is asked of AWS is looked at."""
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    revision = lambdas.get_alias(FunctionName=SCANNER, Name="live")["RevisionId"]
    calls = recorded(lambdas)
    published(lambdas)
    waited, moved = calls[-2:]
    assert (waited[0], waited[1]) == ("GetFunctionConfiguration", {"Qualifier": "2"})
    assert moved == ("UpdateAlias", {"FunctionVersion": "2", "RevisionId": revision})


def test_the_pipelines_role_may_do_to_functions_what_this_takes_and_nothing_else(lambdas: Any) -> None:
    lambdas.update_function_configuration(FunctionName=SCANNER, MemorySize=1024)
    calls = recorded(lambdas)
    published(lambdas)
    names = {"Environment": "staging", "Artefacts.Arn": "artefacts", "CloudFormationRole.Arn": "role"}
    regions = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    bootstrap = Template(names | regions, paths.ROOT / "bootstrap" / "github-role.yaml")
    [policy] = bootstrap.properties("DeployRole", "AssumeRolePolicyDocument")["Policies"]
    actions = [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
    granted = {action for some in actions for action in ([some] if isinstance(some, str) else some)}
    assert {f"lambda:{name}" for name, _ in calls} == {action for action in granted if action.startswith("lambda:")}


def recorded(client: Any) -> list[tuple[str, dict[str, str]]]:
    """Every operation from now on, with its query or its body."""
    calls: list[tuple[str, dict[str, str]]] = []

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        calls.append((model.name, params["query_string"] or json.loads(params["body"] or "{}")))

    client.meta.events.register("before-call.lambda", note)
    return calls


@pytest.mark.usefixtures("lambdas")
def test_all_functions_of_a_stack_are_found_however_many_resources_it_has() -> None:
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
