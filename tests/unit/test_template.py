"""What must hold of every deployment, asserted on what SAM makes of the template for it."""

import json
import re
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from imagescan.aws.event_bus import SOURCE
from imagescan.scan import Result
from imagescan.settings import SCANNER_TIMEOUT_SECONDS
from imagescan.sweep import PATIENCE_SECONDS
from local import paths
from tests.deployment import Deployment, parameters_of
from tests.integration.template import Template
from tests.iam_grants import EXPECTED_GRANTS, Grant, grants_for

SENT_WITH_AN_UPLOAD = ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-request-id")
A_STREAM_REMEMBERS = 86_400  # seconds
POOL_ARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc"
OWN_DOMAIN = {
    "WebDomainName": "scan.example.org",
    "WebCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
}
STAGING, PRODUCTION = parameters_of("staging"), parameters_of("production")
DEPLOYMENTS: dict[str, dict[str, str]] = {
    "unasked": {},
    "staging": STAGING,
    "production": PRODUCTION,
    "open": {"AuthMode": "open"},
    "website": {"WebHosting": "website"},
    "provisioned": {"MemorySize": "1024", "SnapStart": "PublishedVersions", "ProvisionedPollerCount": "4"},
    "traced": {"Tracing": "Active"},
    "webhook": {"WebhookUrl": "https://example.org/scans"},
    "existing pool": {"AuthMode": "cognito", "UserPoolArn": POOL_ARN},
    "local": {"IsLocalEmulator": "true", "AuthMode": "open"},
}
ON_AWS = {name: parameters for name, parameters in DEPLOYMENTS.items() if name != "local"}
GUARDED = {name: parameters for name, parameters in ON_AWS.items() if name != "open"}

every_deployment = pytest.mark.parametrize("parameters", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
every_deployment_on_aws = pytest.mark.parametrize("parameters", ON_AWS.values(), ids=ON_AWS)
every_guarded_deployment = pytest.mark.parametrize("parameters", GUARDED.values(), ids=GUARDED)


@pytest.fixture
def deployment(parameters: dict[str, str]) -> Deployment:
    return Deployment.of(**parameters)


def methods(deployment: Deployment) -> dict[tuple[str, str], dict[str, Any]]:
    """What API Gateway is told of each path and method."""
    paths_of = deployment.properties("Api")["Body"]["paths"]
    return {(path, method): told for path, each in paths_of.items() for method, told in each.items()}


def mappings(deployment: Deployment) -> list[dict[str, Any]]:
    """What feeds the functions from queues and streams."""
    return list(deployment.of_type("Lambda::EventSourceMapping").values())


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---------------------------------------------------------------- who may call


@every_guarded_deployment
def test_every_method_but_a_preflight_is_guarded_by_a_scheme_that_exists(deployment: Deployment) -> None:
    schemes = deployment.properties("Api")["Body"]["components"]["securitySchemes"]
    guards = {key: told.get("security", []) for key, told in methods(deployment).items() if key[1] != "options"}
    assert len(schemes) == 1
    assert guards == {key: [{scheme: []} for scheme in schemes] for key in guards}


@every_deployment
def test_a_preflight_is_never_guarded_because_browsers_send_it_without_credentials(deployment: Deployment) -> None:
    preflights = [told for (_, method), told in methods(deployment).items() if method == "options"]
    assert len(preflights) == len(deployment.properties("Api")["Body"]["paths"])
    assert [told for told in preflights if "security" in told] == []


def test_an_open_api_is_open_because_a_parameter_says_so() -> None:
    assert all(told.get("security", []) == [] for told in methods(Deployment.of(AuthMode="open")).values())


@pytest.mark.parametrize(
    ("parameters", "scheme"),
    [
        ({}, "awsSigv4"),
        ({"AuthMode": "iam"}, "awsSigv4"),
        ({"AuthMode": "cognito"}, "cognito_user_pools"),
    ],
)
def test_callers_are_known_by_the_way_that_access_names(deployment: Deployment, scheme: str) -> None:
    [found] = deployment.properties("Api")["Body"]["components"]["securitySchemes"].values()
    assert found["x-amazon-apigateway-authtype"] == scheme


def test_an_existing_user_pool_is_used_and_none_is_made() -> None:
    deployment = Deployment.of(AuthMode="cognito", UserPoolArn=POOL_ARN)
    scheme = deployment.properties("Api")["Body"]["components"]["securitySchemes"]["userPool"]
    assert scheme["x-amazon-apigateway-authorizer"]["providerARNs"] == [POOL_ARN]
    assert deployment.of_type("Cognito::UserPool") == {}


def test_nobody_lets_themselves_into_a_user_pool_that_was_made() -> None:
    [pool] = Deployment.of(AuthMode="cognito").of_type("Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


ELSEWHERE = {"UserPoolArn": POOL_ARN, "ExistingUserPoolDomain": "login.example.org", "ExistingUserPoolClientId": "client7"}


@pytest.mark.parametrize("parameters", [STAGING, PRODUCTION], ids=["staging", "production"])
def test_people_sign_in_by_a_code_that_only_the_page_over_https_is_handed(deployment: Deployment) -> None:
    [client] = deployment.of_type("Cognito::UserPoolClient").values()
    page = {"Fn::Sub": ["https://${Host}/", {"Host": {"Fn::GetAtt": ["Distribution", "DomainName"]}}]}
    assert client["CallbackURLs"] == client["LogoutURLs"] == [page]
    assert (client["AllowedOAuthFlows"], client["GenerateSecret"]) == (["code"], False)
    assert deployment.outputs["SignInClientId"]["Value"] == {"Ref": "UserPoolClient"}
    assert "UserPoolDomain" in deployment.references()


def test_a_page_in_development_may_sign_in_where_a_parameter_says_so() -> None:
    client = Deployment.of(AuthMode="cognito", DevCallbackUrl="http://localhost:8080/").properties("UserPoolClient")
    assert client["CallbackURLs"][1:] == ["http://localhost:8080/"]


@pytest.mark.parametrize(
    "parameters", [{"WebHosting": "website"}, {"IsLocalEmulator": "true"}], ids=["website", "local"]
)
def test_a_page_without_https_is_told_of_no_way_to_sign_in(parameters: dict[str, str]) -> None:
    deployment = Deployment.of(AuthMode="cognito", **parameters)
    assert {"SignInUrl", "SignInClientId"} & deployment.outputs.keys() == set()
    assert deployment.of_type("Cognito::UserPoolDomain") == {}
    assert deployment.properties("UserPoolClient")["AllowedOAuthFlowsUserPoolClient"] is False


def test_people_of_an_existing_user_pool_sign_in_where_it_lets_them() -> None:
    deployment = Deployment.of(AuthMode="cognito", **ELSEWHERE)
    assert deployment.outputs["SignInUrl"]["Value"] == {"Fn::Sub": "https://${ExistingUserPoolDomain}"}
    assert deployment.outputs["SignInClientId"]["Value"] == "client7"
    assert deployment.of_type("Cognito::UserPoolDomain") == {}


@every_deployment
def test_the_api_is_throttled_and_the_scanner_bounded(deployment: Deployment) -> None:
    [stage] = deployment.of_type("ApiGateway::Stage").values()
    [throttled] = stage["MethodSettings"]
    assert (throttled["HttpMethod"], throttled["ResourcePath"]) == ("*", "/*")
    assert throttled["ThrottlingRateLimit"] > 0
    [mapping] = [
        each for each in mappings(deployment) if each["EventSourceArn"] == {"Fn::GetAtt": ["ScanQueue", "Arn"]}
    ]
    bounds = {**mapping.get("ScalingConfig", {}), **mapping.get("ProvisionedPollerConfig", {})}
    assert {"MaximumConcurrency", "MaximumPollers"} & set(bounds)
    assert all(int(bound) >= 2 for bound in bounds.values())


# ---------------------------------------------------------------- what may be done


@every_deployment
def test_nothing_is_granted_on_every_resource_but_what_knows_no_resources(deployment: Deployment) -> None:
    everywhere = {
        action
        for _, statement in deployment.statements()
        if statement["Effect"] == "Allow" and "*" in as_list(statement.get("Resource"))
        for action in as_list(statement["Action"])
    }
    assert everywhere <= {"rekognition:DetectLabels", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


@every_deployment
def test_every_function_has_a_role_of_its_own(deployment: Deployment) -> None:
    roles = [each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()]
    assert len(roles) == len(set(roles))


@pytest.mark.parametrize(
    "parameters", [{}, PRODUCTION, {"IsLocalEmulator": "true"}], ids=["unasked", "production", "local"]
)
def test_every_role_of_a_function_may_do_what_its_row_says(deployment: Deployment) -> None:
    roles = {each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()}
    assert roles == set(EXPECTED_GRANTS)
    assert {role: grants(deployment, role) for role in roles} == {role: grants_for(role) for role in roles}


def grants(deployment: Deployment, role: str) -> set[Grant]:
    """What the role's policies let it do."""
    own = [statement for name, statement in deployment.statements() if name == role]
    assert {statement["Effect"] for statement in own} == {"Allow"}
    return {
        (action, named(resource))
        for statement in own
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def named(resource: Any) -> str:
    """A resource's ARN, with the resource's name in the template for what comes before its own parts."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    pattern = resource["Fn::Sub"] if isinstance(resource["Fn::Sub"], str) else resource["Fn::Sub"][0]
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", pattern.replace("arn:${AWS::Partition}:s3:::${Bucket}", "ImagesBucket"))


def test_the_roles_that_no_function_has_may_do_one_thing_each() -> None:
    deployment = Deployment.of(**PRODUCTION, WebhookUrl="https://example.org/scans")
    of_functions = {each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()}
    others = set(deployment.of_type("IAM::Role")) - of_functions
    granted = [(name, each["Action"], each["Resource"]) for name, each in deployment.statements() if name in others]
    assert granted == [("WebhookRole", "events:InvokeApiDestination", {"Fn::GetAtt": ["WebhookDestination", "Arn"]})]
    attached = {name: deployment.properties(name).get("ManagedPolicyArns", []) for name in others}
    by_codedeploy = ["arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"]
    assert attached == {"WebhookRole": [], "CodeDeployServiceRole": by_codedeploy}


def test_every_function_may_write_traces_only_where_tracing_is_asked_for() -> None:
    traced, untraced = Deployment.of(Tracing="Active"), Deployment.of()
    functions = traced.of_type("Lambda::Function").values()
    assert {each["TracingConfig"]["Mode"] for each in functions} == {"Active"}
    roles = {each["Role"]["Fn::GetAtt"][0] for each in functions}
    assert {name for name, statement in traced.statements() if "xray:PutTraceSegments" in statement["Action"]} == roles
    assert not any("xray" in str(statement) for _, statement in untraced.statements())


@every_deployment
def test_a_service_may_act_for_this_account_and_its_source_alone(deployment: Deployment) -> None:
    let_in = [
        statement
        for name, statement in deployment.statements()
        if statement["Effect"] == "Allow" and "Service" in as_list(statement.get("Principal", {}))[0]
    ]
    assert let_in
    for statement in let_in:
        named = {key: value for kind in statement["Condition"].values() for key, value in kind.items()}
        assert named["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert "aws:SourceArn" in named


@every_deployment
def test_whoever_may_invoke_a_function_is_named_with_account_and_source(deployment: Deployment) -> None:
    permissions = deployment.of_type("Lambda::Permission")
    assert permissions
    for permission in permissions.values():
        source = json.dumps(permission["SourceArn"])
        assert "AWS::AccountId" in source or "Fn::GetAtt" in source


@every_deployment_on_aws
def test_everybody_is_turned_away_who_does_not_use_tls(deployment: Deployment) -> None:
    closed = {
        json.dumps(resource)
        for _, statement in deployment.statements()
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in as_list(statement["Resource"])
    }
    holders = ("S3::Bucket", "SQS::Queue", "SNS::Topic")
    names = {name for kind in holders for name in deployment.of_type(kind)}
    open_by_nature = {"SiteBucket"} if "WebsiteConfiguration" in deployment.properties("SiteBucket") else set()
    assert {name for name in names if not any(f'"{name}' in each for each in closed)} == open_by_nature


@every_deployment
def test_no_bucket_is_public_but_that_of_a_website(deployment: Deployment) -> None:
    public = {
        name
        for name, bucket in deployment.of_type("S3::Bucket").items()
        if set(bucket["PublicAccessBlockConfiguration"].values()) != {True}
    }
    websites = {name for name, each in deployment.of_type("S3::Bucket").items() if "WebsiteConfiguration" in each}
    assert public == websites
    assert websites <= {"SiteBucket"}


# ---------------------------------------------------------------- that nothing is lost


@every_deployment
def test_a_message_is_hidden_for_six_times_as_long_as_a_scan_may_take(deployment: Deployment) -> None:
    queue, scanner = deployment.properties("ScanQueue"), deployment.properties("ScannerFunction")
    assert queue["VisibilityTimeout"] >= 6 * scanner["Timeout"]
    assert scanner["Timeout"] == SCANNER_TIMEOUT_SECONDS


def test_every_deadline_that_is_allowed_lets_the_sweeper_repair_a_lost_message() -> None:
    parameters = Template({}).parameters
    allowed = re.compile(parameters["RequestTimeoutMinutes"]["AllowedPattern"])
    sweep_minutes = int(parameters["SweepIntervalMinutes"]["Default"])
    minutes = [each for each in range(10_000) if allowed.fullmatch(str(each))]
    assert minutes == list(range(20, 1441))
    assert minutes[0] >= PATIENCE_SECONDS / 60 + sweep_minutes


@every_deployment
def test_a_dead_letter_is_kept_longer_than_a_message(deployment: Deployment) -> None:
    queue, dead = deployment.properties("ScanQueue"), deployment.properties("ScanDeadLetterQueue")
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["ScanDeadLetterQueue", "Arn"]}
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


@every_deployment
def test_a_message_that_fails_comes_again_alone(deployment: Deployment) -> None:
    assert {tuple(each["FunctionResponseTypes"]) for each in mappings(deployment)} == {("ReportBatchItemFailures",)}


@every_deployment
def test_what_a_stream_cannot_tell_in_time_is_left_in_a_queue_and_takes_nothing_with_it(deployment: Deployment) -> None:
    streams = {
        each["EventSourceArn"]["Fn::GetAtt"][0]: each for each in mappings(deployment) if "StartingPosition" in each
    }
    assert set(streams) == {"RequestsTable", "ImagesTable"}
    for name, mapping in streams.items():
        stream = deployment.properties(name)["StreamSpecification"]
        assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 0 < mapping["MaximumRecordAgeInSeconds"] < A_STREAM_REMEMBERS
        left = {"Fn::GetAtt": ["EventStreamDeadLetterQueue", "Arn"]}
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == left


def test_a_webhook_gets_every_event_with_a_key_of_its_own_and_leaves_what_it_did_not_take() -> None:
    deployment = Deployment.of(WebhookUrl="https://example.org/scans")
    rule, webhook = deployment.properties("WebhookRule"), deployment.properties("WebhookDestination")
    [target] = rule["Targets"]
    assert (rule["EventBusName"], rule["EventPattern"]) == ({"Ref": "EventBus"}, {"source": [SOURCE]})
    assert target["Arn"] == {"Fn::GetAtt": ["WebhookDestination", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]}}
    assert (webhook["InvocationEndpoint"], webhook["HttpMethod"]) == ("https://example.org/scans", "POST")
    key = deployment.properties("WebhookConnection")["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyValue"]
    assert key == {"Fn::Sub": "{{resolve:secretsmanager:${WebhookApiKeySecret}}}"}
    assert deployment.properties("WebhookApiKeySecret")["GenerateSecretString"]["PasswordLength"] >= 32


@pytest.mark.parametrize("parameters", [{}, {"IsLocalEmulator": "true", "WebhookUrl": "https://example.org/scans"}])
def test_there_is_no_webhook_where_none_is_asked_for_or_can_be(deployment: Deployment) -> None:
    assert not {name for name in deployment.resources if name.startswith("Webhook")}


@every_deployment
def test_what_holds_images_and_answers_and_users_outlives_the_stack(deployment: Deployment) -> None:
    holders = [
        "ImagesBucket",
        "ImagesTable",
        "RequestsTable",
        "CountersTable",
        *deployment.of_type("Cognito::UserPool"),
    ]
    assert {deployment.resources[name]["DeletionPolicy"] for name in holders} == {"RetainExceptOnCreate"}
    tables = deployment.of_type("DynamoDB::Table").values()
    assert all(each["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] for each in tables)


def test_the_runbook_of_a_teardown_notes_everything_that_outlives_the_stack() -> None:
    deployment = Deployment.of(**PRODUCTION)
    [noted] = re.findall(r"`for each in (.+); do output", (paths.ROOT / "docs" / "operations.md").read_text())
    stays = {
        name for name, each in deployment.resources.items() if each.get("DeletionPolicy") == "RetainExceptOnCreate"
    }
    assert sorted(deployment.outputs[each]["Value"]["Ref"] for each in noted.split()) == sorted(stays)


def test_a_redrive_knows_every_queue_in_which_something_is_left() -> None:
    deployment = Deployment.of(WebhookUrl="https://example.org/scans")
    left = set(deployment.of_type("SQS::Queue")) - {"ScanQueue"}
    outputs = {each["Value"]["Ref"]: name for name, each in deployment.outputs.items() if set(each["Value"]) == {"Ref"}}
    redrive = (paths.ROOT / "ops" / "redrive" / "__main__.py").read_text()
    assert {queue for queue in left if f'_queue("{outputs[queue]}")' not in redrive} == set()


@every_deployment
def test_no_name_of_a_stack_makes_a_name_that_a_bucket_may_not_have(deployment: Deployment) -> None:
    names = [bucket["BucketName"] for bucket in deployment.of_type("S3::Bucket").values() if "BucketName" in bucket]
    assert names
    assert [name for name in names if "AWS::StackName" in json.dumps(name)] == []


@pytest.mark.parametrize(
    ("prefix", "is_allowed"),
    [
        ("imagescan-images", True),
        ("a" * 50, True),
        ("a" * 51, False),
        ("Images", False),
        ("my_images", False),
        ("-a-", False),
    ],
)
def test_every_prefix_that_is_allowed_begins_a_name_that_a_bucket_may_have(prefix: str, *, is_allowed: bool) -> None:
    allowed = re.compile(Template({}).parameters["ImagesBucketPrefix"]["AllowedPattern"])
    assert bool(allowed.fullmatch(prefix)) is is_allowed
    id_of_the_stack = "-0a1b2c3d4e5f"
    assert bool(re.fullmatch("[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", prefix + id_of_the_stack)) is is_allowed


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_pipelines_role_reaches_the_images_bucket_of_its_environment_alone(environment: str) -> None:
    assert parameters_of(environment)["ImagesBucketPrefix"].startswith(f"imagescan-{environment}")


@every_deployment
def test_a_reference_leads_to_what_is_deployed(deployment: Deployment) -> None:
    assert deployment.references() <= set(deployment.resources) | _parameters()


@every_deployment
def test_no_resource_waits_for_itself(deployment: Deployment) -> None:
    needs = deployment.needs()
    assert set(TopologicalSorter(needs).static_order()) == set(deployment.resources)


def _parameters() -> set[str]:
    text = (paths.ROOT / "template.yaml").read_text()
    section = text[text.index("\nParameters:\n") : text.index("\nRules:\n")]
    return set(re.findall(r"^  (\w+):$", section, re.MULTILINE))


# ---------------------------------------------------------------- operations


@every_deployment
def test_logs_are_forgotten_some_day_and_every_function_has_its_own(deployment: Deployment) -> None:
    groups = deployment.of_type("Logs::LogGroup")
    assert all(each["RetentionInDays"] for each in groups.values())
    used = [each["LoggingConfig"]["LogGroup"]["Ref"] for each in deployment.of_type("Lambda::Function").values()]
    assert sorted(used) == sorted(groups)


@pytest.mark.parametrize(("level", "of_lambda"), [("INFO", "WARN"), ("DEBUG", "DEBUG")])
def test_lambda_adds_lines_of_its_own_to_each_call_only_where_that_is_asked_for(level: str, of_lambda: str) -> None:
    for function in Deployment.of(LogLevel=level).of_type("Lambda::Function").values():
        logging = function["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", of_lambda)
        assert logging["ApplicationLogLevel"] == function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == level


def test_no_log_level_drops_the_lines_that_metrics_are_made_of() -> None:
    assert set(Template({}).parameters["LogLevel"]["AllowedValues"]) == {"DEBUG", "INFO"}  # they count as INFO


def test_the_story_of_a_request_is_looked_for_in_every_function() -> None:
    deployment = Deployment.of()
    [query] = deployment.of_type("Logs::QueryDefinition").values()
    assert {each["Ref"] for each in query["LogGroupNames"]} == set(deployment.of_type("Logs::LogGroup"))


@every_deployment_on_aws
def test_every_alarm_tells_the_topic_of_good_and_bad_news(deployment: Deployment) -> None:
    alarms = deployment.of_type("CloudWatch::Alarm")
    assert alarms
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]


@every_deployment_on_aws
def test_the_dashboard_shows_every_alarm(deployment: Deployment) -> None:
    shown = [name for widget in widgets(deployment) for name in widget["properties"].get("alarms", [])]
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in deployment.of_type("CloudWatch::Alarm"))


def test_the_runbook_says_of_each_alarm_what_to_do_and_of_no_other() -> None:
    runbook = (paths.ROOT / "docs" / "operations.md").read_text()
    alarms = chain.from_iterable(Deployment.of(**each).of_type("CloudWatch::Alarm") for each in ON_AWS.values())
    assert sorted(re.findall(r"^\| `(\w+Alarm)` \|", runbook, re.MULTILINE)) == sorted(set(alarms))


@every_deployment_on_aws
def test_the_dashboard_shows_how_long_each_function_takes(deployment: Deployment) -> None:
    [durations] = [each for each in widgets(deployment) if '"Duration"' in json.dumps(each)]
    shown = {name for metric in durations["properties"]["metrics"] for name in metric if "Function}" in str(name)}
    assert shown == {f"${{{name}}}" for name in deployment.of_type("Lambda::Function")}


def test_an_alarm_tells_of_each_function_that_answers_the_api_when_it_is_throttled() -> None:
    deployment = Deployment.of()
    metrics = [each["MetricStat"] for each in deployment.properties("ThrottlesAlarm")["Metrics"][1:]]
    assert {each["Metric"]["MetricName"] for each in metrics} == {"Throttles"}
    watched = [each["Metric"]["Dimensions"][0]["Value"]["Ref"] for each in metrics]
    assert sorted(watched) == sorted(functions_of_the_api(deployment))


def test_an_alarm_tells_of_each_function_that_fails_where_no_error_of_the_api_does() -> None:
    deployment = Deployment.of()
    alarms = deployment.of_type("CloudWatch::Alarm").values()
    watched = [alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms if alarm.get("MetricName") == "Errors"]
    everything = set(deployment.of_type("Lambda::Function"))
    assert sorted(watched) == sorted(everything - functions_of_the_api(deployment))


def functions_of_the_api(deployment: Deployment) -> set[str]:
    """Those that answer a path of the API."""
    integrations = [told["x-amazon-apigateway-integration"]["uri"] for told in methods(deployment).values()]
    functions = deployment.of_type("Lambda::Function")
    return {name for name in functions if any(f"${{{name}" in json.dumps(each) for each in integrations)}


def widgets(deployment: Deployment) -> list[dict[str, Any]]:
    """What the dashboard shows, with the names of the template's resources in it."""
    pattern, own = deployment.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    for name, value in own.items():
        pattern = pattern.replace(f"${{{name}}}", value["Fn::Sub"] if value else "")
    found: list[dict[str, Any]] = json.loads(pattern)["widgets"]
    return found


def test_every_metric_that_is_watched_is_one_that_the_functions_count() -> None:
    deployment = Deployment.of()
    alarms = deployment.of_type("CloudWatch::Alarm").values()
    watched = {each["MetricName"] for each in alarms if each.get("Namespace") == "ImageScan"}
    shown = _own_metrics(widgets(deployment))
    handlers = (paths.ROOT / "src" / "imagescan" / "handlers").glob("*.py")
    counted = {name for path in handlers for name in re.findall(r'"([A-Z][A-Za-z]+)"', path.read_text())}
    assert watched | shown <= counted | {result.title().replace("_", "") for result in Result}
    assert {"Scanned", "Overdue", "Faults"} <= watched


def test_the_runbook_names_every_metric() -> None:
    runbook = (paths.ROOT / "docs" / "operations.md").read_text()
    results = {result.title().replace("_", "") for result in Result}
    shown = _own_metrics(widgets(Deployment.of()))
    assert {name for name in results | shown if f"`{name}`" not in runbook} == set()


def _own_metrics(widgets: list[dict[str, Any]]) -> set[str]:
    """The names of the service's own metrics; a dot repeats what the metric before it says."""
    own, namespace = set(), ""
    for widget in widgets:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                namespace = namespace if metric[0] == "." else metric[0]
                own |= {metric[1]} if namespace == "ImageScan" else set()
    return own


def test_production_shifts_calls_to_new_code_little_by_little_and_back_when_an_alarm_rings() -> None:
    deployment = Deployment.of(**PRODUCTION)
    groups = deployment.of_type("CodeDeploy::DeploymentGroup").values()
    assert len(groups) == len(deployment.of_type("Lambda::Function"))
    for group in groups:
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        watched = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
        assert watched == {"ApiErrorsAlarm", "ScannerErrorsAlarm", "ScannerFaultsAlarm"}
    aliases = [each for each in deployment.resources.values() if each["Type"] == "AWS::Lambda::Alias"]
    assert all("CodeDeployLambdaAliasUpdate" in each["UpdatePolicy"] for each in aliases)


def test_a_change_of_access_reaches_the_deployed_api() -> None:
    template = (paths.ROOT / "template.yaml").read_text()
    assert "AlwaysDeploy: true" in template


# ---------------------------------------------------------------- the web page


@pytest.mark.parametrize("parameters", [STAGING, PRODUCTION], ids=["staging", "production"])
def test_page_and_api_are_under_one_address_over_https(deployment: Deployment) -> None:
    [distribution] = deployment.of_type("CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    page, api = config["Origins"]
    assert page["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccessControl", "Id"]}
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    behaviours = config["CacheBehaviors"]
    assert {each["TargetOriginId"] for each in behaviours} == {api["Id"]}
    patterns = [each["PathPattern"] for each in behaviours]
    assert [path for path, _ in methods(deployment) if not any(fnmatch(path, each) for each in patterns)] == []
    assert {each["ViewerProtocolPolicy"] for each in (*behaviours, config["DefaultCacheBehavior"])} == {
        "https-only",
        "redirect-to-https",
    }


@pytest.mark.parametrize(
    ("parameters", "own"),
    [
        ({}, {"Fn::Sub": ["https://${Host}", {"Host": {"Fn::GetAtt": ["Distribution", "DomainName"]}}]}),
        (OWN_DOMAIN, {"Fn::Sub": ["https://${Host}", {"Host": "scan.example.org"}]}),
        ({"WebHosting": "website"}, {"Fn::GetAtt": ["SiteBucket", "WebsiteURL"]}),
    ],
    ids=["cloudfront", "a domain of one's own", "website"],
)
def test_the_stacks_own_page_and_those_of_page_origins_may_upload(parameters: dict[str, str], own: Any) -> None:
    alone, with_another = Deployment.of(**parameters), Deployment.of(**parameters, UploadCorsOrigins="https://example.org")
    assert alone.outputs["WebUrl"]["Value"] == own
    assert _origins_that_may_upload(alone) == [[own]]
    assert _origins_that_may_upload(with_another) == [[own], "https://example.org"]


def test_on_an_emulator_the_page_needs_no_leave_and_others_get_it() -> None:
    local = DEPLOYMENTS["local"]
    assert "CorsConfiguration" not in Deployment.of(**local).properties("ImagesBucket")
    assert _origins_that_may_upload(Deployment.of(**local, UploadCorsOrigins="http://localhost:5173")) == [
        "http://localhost:5173"
    ]


def _origins_that_may_upload(deployment: Deployment) -> list[Any]:
    rules = deployment.properties("ImagesBucket")["CorsConfiguration"]["CorsRules"]
    assert {tuple(rule["AllowedMethods"]) for rule in rules} == {("PUT",)}
    assert {tuple(sorted(rule["AllowedHeaders"])) for rule in rules} == {SENT_WITH_AN_UPLOAD}
    return [rule["AllowedOrigins"] for rule in rules]


def test_every_file_of_the_page_comes_with_security_headers() -> None:
    deployment = Deployment.of()
    [distribution] = deployment.of_type("CloudFront::Distribution").values()
    assert distribution["DistributionConfig"]["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {
        "Ref": "ResponseHeadersPolicy"
    }
    headers = deployment.properties("ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert set(headers) == {
        "StrictTransportSecurity", "ContentTypeOptions", "FrameOptions", "ReferrerPolicy", "ContentSecurityPolicy",
    }  # fmt: skip


# ---------------------------------------------------------------- suppressions


@pytest.mark.parametrize(
    "path", [paths.ROOT / "template.yaml", paths.ROOT / "bootstrap" / "github-role.yaml"], ids=lambda path: path.name
)
def test_a_suppressed_finding_has_its_reason_beside_it(path: Path) -> None:
    suppressed = [line for line in path.read_text().splitlines() if "CKV" in line]
    assert suppressed
    assert [line for line in suppressed if not re.search(r'comment: "[^"]{5,}"', line)] == []


@pytest.mark.parametrize(
    ("parameters", "memory", "snapshots"),
    [({}, "512", "None"), (DEPLOYMENTS["provisioned"], "1024", "PublishedVersions")],
)
def test_memory_and_snapshots_are_the_same_for_every_function(
    deployment: Deployment, memory: str, snapshots: str
) -> None:
    of_functions = deployment.of_type("Lambda::Function").values()
    told = {(str(each["MemorySize"]), each["SnapStart"]["ApplyOn"]) for each in of_functions}
    assert told == {(memory, snapshots)}


@pytest.mark.parametrize(
    ("parameters", "limits"),
    [
        ({"ScannerConcurrency": "7"}, {"ScalingConfig": {"MaximumConcurrency": "7"}}),
        (
            DEPLOYMENTS["provisioned"],
            {"ProvisionedPollerConfig": {"MinimumPollers": "4", "MaximumPollers": "4"}},
        ),
    ],
)
def test_scanners_are_bounded_by_concurrency_or_by_pollers_as_lambda_takes_one_only(
    deployment: Deployment, limits: dict[str, Any]
) -> None:
    [mapping] = [each for each in mappings(deployment) if each.get("BatchSize") == 10 and "ScanQueue" in str(each)]
    bounds = {name: mapping[name] for name in ("ScalingConfig", "ProvisionedPollerConfig") if name in mapping}
    assert bounds == limits
