"""Check the resources of each deployment variant, after the SAM transform and with all parameters resolved."""

import json
import re
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from imagescan.api.held_response import OVERRUN_SECONDS
from imagescan.aws.event_bus import SOURCE
from imagescan.domain.feature import Feature
from imagescan.domain.policy import REQUEST_STORED_SECONDS, SCANNER_TIMEOUT_SECONDS
from imagescan.runtime import scan_telemetry
from imagescan.use_cases.scan_image import Outcome, OutcomeKind
from imagescan.use_cases.sweep import REQUEUE_AFTER_SECONDS
from ops import deploy
from testing.deployment import Deployment, parameters_of
from testing.iam_grants import EXPECTED_GRANTS, Grant, grants_for
from testing.template import Template
from tools import paths

UPLOAD_HEADERS = ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-request-id")
STREAM_RETENTION_SECONDS = 86_400
POOL_ARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc"
CUSTOM_DOMAIN = {
    "WebDomainName": "scan.example.org",
    "WebCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
}
CLOUDFRONT = {"WebHosting": "cloudfront"}
STAGING, PRODUCTION = ({**parameters_of(name), **CLOUDFRONT} for name in ("staging", "production"))
DEPLOYMENTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "first staging": parameters_of("staging"),
    "first production": parameters_of("production"),
    "staging": STAGING,
    "production": PRODUCTION,
    "open": {"AuthMode": "open"},
    "website": {"WebHosting": "website"},
    "provisioned": {"MemorySize": "1024", "SnapStart": "PublishedVersions", "ProvisionedPollerCount": "4"},
    "traced": {"Tracing": "Active"},
    "logged": {"ApiAccessLogs": "true", "ApiMethodMetrics": "true"},
    "webhook": {"WebhookUrl": "https://example.org/scans"},
    "existing pool": {"AuthMode": "cognito", "UserPoolArn": POOL_ARN},
    "local": {"IsLocalEmulator": "true", "AuthMode": "open"},
}
ON_AWS = {name: parameters for name, parameters in DEPLOYMENTS.items() if name != "local"}
AUTHENTICATED = {name: parameters for name, parameters in ON_AWS.items() if name != "open"}

every_deployment = pytest.mark.parametrize("parameters", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
every_deployment_on_aws = pytest.mark.parametrize("parameters", ON_AWS.values(), ids=ON_AWS)
every_authenticated_deployment = pytest.mark.parametrize("parameters", AUTHENTICATED.values(), ids=AUTHENTICATED)


@pytest.fixture
def deployment(parameters: dict[str, str]) -> Deployment:
    return Deployment.of(**parameters)


def methods(deployment: Deployment) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the OpenAPI operation of each path and method."""
    api_paths = deployment.properties("Api")["Body"]["paths"]
    return {(path, method): operation for path, each in api_paths.items() for method, operation in each.items()}


def mappings(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the event source mappings of queues and streams."""
    return list(deployment.of_type("Lambda::EventSourceMapping").values())


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---------------------------------------------------------------- authentication


@every_authenticated_deployment
def test_every_method_except_preflight_requires_an_existing_security_scheme(deployment: Deployment) -> None:
    schemes = deployment.properties("Api")["Body"]["components"]["securitySchemes"]
    security = {
        key: operation.get("security", []) for key, operation in methods(deployment).items() if key[1] != "options"
    }
    assert len(schemes) == 1
    assert security == {key: [{scheme: []} for scheme in schemes] for key in security}


@every_deployment
def test_preflight_requests_need_no_authentication_because_browsers_send_them_without_credentials(
    deployment: Deployment,
) -> None:
    preflights = [operation for (_, method), operation in methods(deployment).items() if method == "options"]
    assert len(preflights) == len(deployment.properties("Api")["Body"]["paths"])
    assert [operation for operation in preflights if "security" in operation] == []


def test_auth_mode_open_disables_authentication() -> None:
    operations = methods(Deployment.of(AuthMode="open")).values()
    assert all(operation.get("security", []) == [] for operation in operations)


@pytest.mark.parametrize(
    ("parameters", "scheme"),
    [
        ({}, "awsSigv4"),
        ({"AuthMode": "iam"}, "awsSigv4"),
        ({"AuthMode": "cognito"}, "cognito_user_pools"),
    ],
)
def test_auth_mode_selects_the_security_scheme(deployment: Deployment, scheme: str) -> None:
    [found] = deployment.properties("Api")["Body"]["components"]["securitySchemes"].values()
    assert found["x-amazon-apigateway-authtype"] == scheme


def test_an_existing_user_pool_is_used_instead_of_a_new_one() -> None:
    deployment = Deployment.of(AuthMode="cognito", UserPoolArn=POOL_ARN)
    scheme = deployment.properties("Api")["Body"]["components"]["securitySchemes"]["userPool"]
    assert scheme["x-amazon-apigateway-authorizer"]["providerARNs"] == [POOL_ARN]
    assert deployment.of_type("Cognito::UserPool") == {}


def test_a_created_user_pool_does_not_allow_self_registration() -> None:
    [pool] = Deployment.of(AuthMode="cognito").of_type("Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}


EXISTING_POOL = {
    "UserPoolArn": POOL_ARN,
    "ExistingUserPoolDomain": "login.example.org",
    "ExistingUserPoolClientId": "client7",
}


@pytest.mark.parametrize("parameters", [STAGING, PRODUCTION], ids=["staging", "production"])
def test_users_sign_in_with_an_authorization_code_that_only_the_https_page_receives(deployment: Deployment) -> None:
    [client] = deployment.of_type("Cognito::UserPoolClient").values()
    page = {"Fn::Sub": ["https://${Host}/", {"Host": {"Fn::GetAtt": ["Distribution", "DomainName"]}}]}
    assert client["CallbackURLs"] == client["LogoutURLs"] == [page]
    assert (client["AllowedOAuthFlows"], client["GenerateSecret"]) == (["code"], False)
    assert deployment.outputs["SignInClientId"]["Value"] == {"Ref": "UserPoolClient"}
    assert "UserPoolDomain" in deployment.references()


def test_dev_callback_url_allows_sign_in_during_development() -> None:
    deployment = Deployment.of(AuthMode="cognito", DevCallbackUrl="http://localhost:8080/", **CLOUDFRONT)
    client = deployment.properties("UserPoolClient")
    assert client["CallbackURLs"][1:] == ["http://localhost:8080/"]


@pytest.mark.parametrize(
    "parameters",
    [{"WebHosting": "none"}, {"WebHosting": "website"}, {"WebHosting": "cloudfront", "IsLocalEmulator": "true"}],
    ids=["none", "website", "local"],
)
def test_sign_in_is_not_available_without_https(parameters: dict[str, str]) -> None:
    deployment = Deployment.of(AuthMode="cognito", **parameters)
    assert {"SignInUrl", "SignInClientId"} & deployment.outputs.keys() == set()
    assert deployment.of_type("Cognito::UserPoolDomain") == {}
    assert deployment.properties("UserPoolClient")["AllowedOAuthFlowsUserPoolClient"] is False


def test_users_of_an_existing_user_pool_sign_in_at_its_domain() -> None:
    deployment = Deployment.of(AuthMode="cognito", **EXISTING_POOL)
    assert deployment.outputs["SignInUrl"]["Value"] == {"Fn::Sub": "https://${ExistingUserPoolDomain}"}
    assert deployment.outputs["SignInClientId"]["Value"] == "client7"
    assert deployment.of_type("Cognito::UserPoolDomain") == {}


GATEWAY_CODES = {
    "ACCESS_DENIED": "access_denied",
    "EXPIRED_TOKEN": "expired_token",
    "INVALID_SIGNATURE": "invalid_signature",
    "MISSING_AUTHENTICATION_TOKEN": "not_signed",
    "RESOURCE_NOT_FOUND": "not_found",
    "REQUEST_TOO_LARGE": "request_too_large",
    "THROTTLED": "too_many_requests",
    "UNAUTHORIZED": "not_signed_in",
    "INTEGRATION_FAILURE": "bad_gateway",
    "INTEGRATION_TIMEOUT": "gateway_timeout",
    "DEFAULT_4XX": "request_rejected",
    "DEFAULT_5XX": "internal_error",
}
"""Code of each gateway response type, with AuthMode iam."""


def gateway_bodies(deployment: Deployment) -> dict[str, dict[str, str]]:
    """Return the JSON body of each gateway response type."""
    responses = deployment.properties("Api")["Body"]["x-amazon-apigateway-gateway-responses"]
    templates = {kind: each["responseTemplates"]["application/json"] for kind, each in responses.items()}
    rendered = {kind: each.replace("$context.error.messageString", '"text"') for kind, each in templates.items()}
    return {kind: json.loads(each) for kind, each in rendered.items()}


def test_the_latency_alarm_allows_for_held_responses() -> None:
    alarm = Deployment.of().properties("ApiLatencyAlarm")
    [excess, latency] = alarm["Metrics"]
    assert latency["MetricStat"]["Metric"]["MetricName"] == "Latency"
    assert (latency["Id"], latency["ReturnData"], "ReturnData" in excess) == ("latency", False, False)
    assert excess["Expression"] == {"Fn::Sub": "latency - 1000 * ${MaxWaitSeconds}"}
    assert alarm["Threshold"] == 3000


def test_the_longest_wait_ends_before_the_timeout_of_the_functions() -> None:
    allowed = re.compile(Template({}).parameters["MaxWaitSeconds"]["AllowedPattern"])
    longest = max(seconds for seconds in range(1000) if allowed.fullmatch(str(seconds)))
    assert not any(allowed.fullmatch(text) for text in ("", "2.5", "-1", "025"))
    timeouts = {Deployment.of().properties(name)["Timeout"] for name in ("SubmitFunction", "StatusFunction")}
    assert timeouts == {29}  # as API Gateway
    assert longest + OVERRUN_SECONDS < 29


def test_each_gateway_response_has_its_own_code_and_a_message() -> None:
    bodies = gateway_bodies(Deployment.of())
    assert {kind: body["code"] for kind, body in bodies.items()} == GATEWAY_CODES
    assert all(body.keys() == {"code", "message"} and body["message"] for body in bodies.values())


@pytest.mark.parametrize("parameters", [{"AuthMode": "open"}, {"AuthMode": "cognito"}], ids=["open", "cognito"])
def test_an_unknown_path_is_not_found_where_requests_are_not_signed(deployment: Deployment) -> None:
    bodies = gateway_bodies(deployment)
    assert bodies["MISSING_AUTHENTICATION_TOKEN"] == bodies["RESOURCE_NOT_FOUND"]


@every_deployment
def test_gateway_responses_allow_every_origin_so_that_browsers_can_read_the_code(deployment: Deployment) -> None:
    responses = deployment.properties("Api")["Body"]["x-amazon-apigateway-gateway-responses"].values()
    header = "gatewayresponse.header.Access-Control-Allow-Origin"
    assert {each["responseParameters"][header] for each in responses} == {"'*'"}


@every_deployment
def test_api_rate_and_scanner_concurrency_are_limited(deployment: Deployment) -> None:
    [stage] = deployment.of_type("ApiGateway::Stage").values()
    [settings] = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["ThrottlingRateLimit"] > 0
    [mapping] = [
        each for each in mappings(deployment) if each["EventSourceArn"] == {"Fn::GetAtt": ["ScanQueue", "Arn"]}
    ]
    bounds = {**mapping.get("ScalingConfig", {}), **mapping.get("ProvisionedPollerConfig", {})}
    assert {"MaximumConcurrency", "MaximumPollers"} & set(bounds)
    assert all(int(bound) >= 2 for bound in bounds.values())


# ---------------------------------------------------------------- permissions


@every_deployment
def test_wildcard_resources_are_granted_only_to_actions_without_resource_level_permissions(
    deployment: Deployment,
) -> None:
    on_all_resources = {
        action
        for _, statement in deployment.statements()
        if statement["Effect"] == "Allow" and "*" in as_list(statement.get("Resource"))
        for action in as_list(statement["Action"])
    }
    assert on_all_resources <= {
        "rekognition:DetectLabels",
        "rekognition:DetectModerationLabels",
        "rekognition:DetectText",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }


@every_deployment
def test_each_function_has_its_own_role(deployment: Deployment) -> None:
    roles = [each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()]
    assert len(roles) == len(set(roles))


@pytest.mark.parametrize(
    "parameters", [{}, PRODUCTION, {"IsLocalEmulator": "true"}], ids=["defaults", "production", "local"]
)
def test_each_function_role_has_exactly_the_expected_grants(deployment: Deployment) -> None:
    roles = {each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()}
    assert roles == set(EXPECTED_GRANTS)
    assert {role: grants(deployment, role) for role in roles} == {role: grants_for(role) for role in roles}


def grants(deployment: Deployment, role: str) -> set[Grant]:
    """Return the actions and resources that the policies of a role allow."""
    statements = [statement for name, statement in deployment.statements() if name == role]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {
        (action, named(resource))
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def named(resource: Any) -> str:
    """Return a resource ARN with the logical ID instead of the ARN prefix, for example ``ImagesBucket/images/*``."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    pattern = resource["Fn::Sub"] if isinstance(resource["Fn::Sub"], str) else resource["Fn::Sub"][0]
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", pattern.replace("arn:${AWS::Partition}:s3:::${Bucket}", "ImagesBucket"))


def test_each_other_role_has_a_single_permission() -> None:
    deployment = Deployment.of(**PRODUCTION, WebhookUrl="https://example.org/scans")
    of_functions = {each["Role"]["Fn::GetAtt"][0] for each in deployment.of_type("Lambda::Function").values()}
    others = set(deployment.of_type("IAM::Role")) - of_functions
    granted = [(name, each["Action"], each["Resource"]) for name, each in deployment.statements() if name in others]
    assert granted == [("WebhookRole", "events:InvokeApiDestination", {"Fn::GetAtt": ["WebhookDestination", "Arn"]})]
    attached = {name: deployment.properties(name).get("ManagedPolicyArns", []) for name in others}
    codedeploy_policy = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"}
    assert attached == {"WebhookRole": [], "CodeDeployRole": [codedeploy_policy]}


def test_functions_can_write_traces_only_if_tracing_is_active() -> None:
    traced, untraced = Deployment.of(Tracing="Active"), Deployment.of()
    functions = traced.of_type("Lambda::Function").values()
    assert {each["TracingConfig"]["Mode"] for each in functions} == {"Active"}
    roles = {each["Role"]["Fn::GetAtt"][0] for each in functions}
    assert {name for name, statement in traced.statements() if "xray:PutTraceSegments" in statement["Action"]} == roles
    assert not any("xray" in str(statement) for _, statement in untraced.statements())


@every_deployment
def test_service_principals_are_restricted_to_this_account_and_a_source_arn(deployment: Deployment) -> None:
    allowed = [
        statement
        for name, statement in deployment.statements()
        if statement["Effect"] == "Allow" and "Service" in as_list(statement.get("Principal", {}))[0]
    ]
    assert allowed
    for statement in allowed:
        conditions = {key: value for kind in statement["Condition"].values() for key, value in kind.items()}
        assert conditions["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert "aws:SourceArn" in conditions


@every_deployment
def test_invoke_permissions_are_restricted_to_a_source_in_this_account(deployment: Deployment) -> None:
    permissions = deployment.of_type("Lambda::Permission")
    assert permissions
    for permission in permissions.values():
        source = json.dumps(permission["SourceArn"])
        assert "AWS::AccountId" in source or "Fn::GetAtt" in source


@every_deployment_on_aws
def test_requests_without_tls_are_denied(deployment: Deployment) -> None:
    denied = {
        json.dumps(resource)
        for _, statement in deployment.statements()
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in as_list(statement["Resource"])
    }
    kinds = ("S3::Bucket", "SQS::Queue", "SNS::Topic")
    names = {name for kind in kinds for name in deployment.of_type(kind)}
    http_only = {"SiteBucket"} if "WebsiteConfiguration" in deployment.properties("SiteBucket") else set()
    assert {name for name in names if not any(f'"{name}' in each for each in denied)} == http_only


@every_deployment
def test_only_the_website_bucket_is_public(deployment: Deployment) -> None:
    public = {
        name
        for name, bucket in deployment.of_type("S3::Bucket").items()
        if set(bucket["PublicAccessBlockConfiguration"].values()) != {True}
    }
    websites = {name for name, each in deployment.of_type("S3::Bucket").items() if "WebsiteConfiguration" in each}
    assert public == websites
    assert websites <= {"SiteBucket"}


# ---------------------------------------------------------------- durability


@every_deployment
def test_the_visibility_timeout_is_at_least_six_times_the_scanner_timeout(deployment: Deployment) -> None:
    queue, scanner = deployment.properties("ScanQueue"), deployment.properties("ScannerFunction")
    assert queue["VisibilityTimeout"] >= 6 * scanner["Timeout"]
    assert scanner["Timeout"] == SCANNER_TIMEOUT_SECONDS
    assert deployment.properties("SubmitFunction")["Timeout"] + 5 <= REQUEST_STORED_SECONDS


def test_every_allowed_request_timeout_leaves_time_to_recover_a_lost_message() -> None:
    parameters = Template({}).parameters
    allowed = re.compile(parameters["RequestTimeoutMinutes"]["AllowedPattern"])
    sweep_minutes = int(parameters["SweepIntervalMinutes"]["Default"])
    minutes = [each for each in range(10_000) if allowed.fullmatch(str(each))]
    assert minutes == list(range(20, 1441))
    assert minutes[0] >= REQUEUE_AFTER_SECONDS / 60 + sweep_minutes


@every_deployment
def test_dead_letters_are_retained_longer_than_messages(deployment: Deployment) -> None:
    queue, dead = deployment.properties("ScanQueue"), deployment.properties("ScanDeadLetterQueue")
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["ScanDeadLetterQueue", "Arn"]}
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


@every_deployment
def test_only_failed_messages_of_a_batch_are_retried(deployment: Deployment) -> None:
    assert {tuple(each["FunctionResponseTypes"]) for each in mappings(deployment)} == {("ReportBatchItemFailures",)}


@every_deployment
def test_expired_stream_records_go_to_the_dead_letter_queue_alone(deployment: Deployment) -> None:
    streams = {
        each["EventSourceArn"]["Fn::GetAtt"][0]: each for each in mappings(deployment) if "StartingPosition" in each
    }
    assert set(streams) == {"RequestsTable", "ImagesTable"}
    for name, mapping in streams.items():
        stream = deployment.properties(name)["StreamSpecification"]
        assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 0 < mapping["MaximumRecordAgeInSeconds"] < STREAM_RETENTION_SECONDS
        dead_letters = {"Fn::GetAtt": ["EventStreamDeadLetterQueue", "Arn"]}
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == dead_letters


def test_the_webhook_receives_all_events_with_an_api_key_and_has_a_dead_letter_queue() -> None:
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
def test_the_webhook_is_omitted_without_a_url_and_on_the_emulator(deployment: Deployment) -> None:
    assert not {name for name in deployment.resources if name.startswith("Webhook")}


@every_deployment
def test_images_results_and_users_are_retained_when_the_stack_is_deleted(deployment: Deployment) -> None:
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


def test_the_teardown_runbook_lists_all_retained_resources() -> None:
    deployment = Deployment.of(**PRODUCTION)
    [listed] = re.findall(r"`for each in (.+); do output", (paths.ROOT / "docs" / "operations.md").read_text())
    retained = {
        name for name, each in deployment.resources.items() if each.get("DeletionPolicy") == "RetainExceptOnCreate"
    }
    assert sorted(deployment.outputs[each]["Value"]["Ref"] for each in listed.split()) == sorted(retained)


def test_redrive_handles_every_dead_letter_queue() -> None:
    deployment = Deployment.of(WebhookUrl="https://example.org/scans")
    dead_letter_queues = set(deployment.of_type("SQS::Queue")) - {"ScanQueue"}
    outputs = {each["Value"]["Ref"]: name for name, each in deployment.outputs.items() if set(each["Value"]) == {"Ref"}}
    redrive = (paths.ROOT / "ops" / "redrive" / "__main__.py").read_text()
    assert {queue for queue in dead_letter_queues if f'_queue("{outputs[queue]}")' not in redrive} == set()


@every_deployment
def test_bucket_names_do_not_contain_the_stack_name(deployment: Deployment) -> None:
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
def test_every_allowed_prefix_results_in_a_valid_bucket_name(prefix: str, *, is_allowed: bool) -> None:
    allowed = re.compile(Template({}).parameters["ImagesBucketPrefix"]["AllowedPattern"])
    assert bool(allowed.fullmatch(prefix)) is is_allowed
    stack_id = "-0a1b2c3d4e5f"
    assert bool(re.fullmatch("[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", prefix + stack_id)) is is_allowed


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_images_bucket_prefix_is_within_the_deployment_role_of_the_environment(environment: str) -> None:
    assert parameters_of(environment)["ImagesBucketPrefix"].startswith(f"imagescan-{environment}")


@every_deployment
def test_all_references_resolve_to_deployed_resources(deployment: Deployment) -> None:
    assert deployment.references() <= set(deployment.resources) | _parameters()


@every_deployment
def test_resources_have_no_circular_dependencies(deployment: Deployment) -> None:
    dependencies = deployment.dependencies()
    assert set(TopologicalSorter(dependencies).static_order()) == set(deployment.resources)


def _parameters() -> set[str]:
    text = (paths.ROOT / "template.yaml").read_text()
    section = text[text.index("\nParameters:\n") : text.index("\nRules:\n")]
    return set(re.findall(r"^  (\w+):$", section, re.MULTILINE))


# ---------------------------------------------------------------- operations


@every_deployment
def test_each_function_has_its_own_log_group_with_a_retention_period(deployment: Deployment) -> None:
    groups = deployment.of_type("Logs::LogGroup")
    assert all(each["RetentionInDays"] for each in groups.values())
    used = [each["LoggingConfig"]["LogGroup"]["Ref"] for each in deployment.of_type("Lambda::Function").values()]
    assert sorted(used) == sorted(set(groups) - {"ApiAccessLogGroup"})


@pytest.mark.parametrize(("level", "system_level"), [("INFO", "WARN"), ("DEBUG", "DEBUG")])
def test_lambda_platform_logs_are_enabled_at_debug_level_only(level: str, system_level: str) -> None:
    for function in Deployment.of(LogLevel=level).of_type("Lambda::Function").values():
        logging = function["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", system_level)
        assert logging["ApplicationLogLevel"] == function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == level


def test_no_allowed_log_level_drops_metrics() -> None:
    assert set(Template({}).parameters["LogLevel"]["AllowedValues"]) == {"DEBUG", "INFO"}  # metrics are logged at INFO


def test_the_request_trace_query_covers_every_function() -> None:
    deployment = Deployment.of()
    [query] = deployment.of_type("Logs::QueryDefinition").values()
    assert {each["Ref"] for each in query["LogGroupNames"]} == set(deployment.of_type("Logs::LogGroup"))


@every_deployment_on_aws
def test_every_alarm_notifies_the_topic_of_alarm_and_ok(deployment: Deployment) -> None:
    alarms = deployment.of_type("CloudWatch::Alarm")
    assert alarms
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]


@every_deployment_on_aws
def test_the_dashboard_shows_every_alarm(deployment: Deployment) -> None:
    shown = [name for widget in widgets(deployment) for name in widget["properties"].get("alarms", [])]
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in deployment.of_type("CloudWatch::Alarm"))


def test_the_runbook_describes_exactly_the_existing_alarms() -> None:
    runbook = (paths.ROOT / "docs" / "operations.md").read_text()
    alarms = chain.from_iterable(Deployment.of(**each).of_type("CloudWatch::Alarm") for each in ON_AWS.values())
    assert sorted(re.findall(r"^\| `(\w+Alarm)` \|", runbook, re.MULTILINE)) == sorted(set(alarms))


@every_deployment_on_aws
def test_the_dashboard_shows_the_duration_of_each_function(deployment: Deployment) -> None:
    [durations] = [each for each in widgets(deployment) if '"Duration"' in json.dumps(each)]
    shown = {name for metric in durations["properties"]["metrics"] for name in metric if "Function}" in str(name)}
    assert shown == {f"${{{name}}}" for name in deployment.of_type("Lambda::Function")}


def test_the_throttles_alarm_covers_every_api_function() -> None:
    deployment = Deployment.of()
    metrics = [each["MetricStat"] for each in deployment.properties("ThrottlesAlarm")["Metrics"][1:]]
    assert {each["Metric"]["MetricName"] for each in metrics} == {"Throttles"}
    watched = [each["Metric"]["Dimensions"][0]["Value"]["Ref"] for each in metrics]
    assert sorted(watched) == sorted(api_functions(deployment))


def test_every_function_outside_the_api_has_an_errors_alarm() -> None:
    deployment = Deployment.of()
    alarms = deployment.of_type("CloudWatch::Alarm").values()
    watched = [alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms if alarm.get("MetricName") == "Errors"]
    functions = set(deployment.of_type("Lambda::Function"))
    assert sorted(watched) == sorted(functions - api_functions(deployment))


def api_functions(deployment: Deployment) -> set[str]:
    """Return the functions that are integrated with the API."""
    operations = methods(deployment).values()
    integrations = [operation["x-amazon-apigateway-integration"]["uri"] for operation in operations]
    functions = deployment.of_type("Lambda::Function")
    return {name for name in functions if any(f"${{{name}" in json.dumps(each) for each in integrations)}


def widgets(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the dashboard widgets, with logical IDs in place of resource names."""
    pattern, variables = deployment.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    for name, value in variables.items():
        pattern = pattern.replace(f"${{{name}}}", value["Fn::Sub"] if value else "")
    parsed: list[dict[str, Any]] = json.loads(pattern)["widgets"]
    return parsed


def test_alarms_and_dashboard_use_only_metrics_that_the_functions_emit() -> None:
    deployment = Deployment.of()
    alarms = deployment.of_type("CloudWatch::Alarm").values()
    watched = {each["MetricName"] for each in alarms if each.get("Namespace") == "ImageScan"}
    shown = _own_metrics(widgets(deployment))
    sources = (paths.ROOT / "src" / "imagescan").rglob("*.py")
    emitted = {name for path in sources for name in re.findall(r'"([A-Z][A-Za-z]+)"', path.read_text())}
    assert watched | shown <= emitted | _outcome_metrics() | _feature_metrics()
    assert {"Scanned", "Overdue", "OperatorAlerts"} <= watched


def test_the_runbook_names_every_metric() -> None:
    runbook = (paths.ROOT / "docs" / "operations.md").read_text()
    shown = _own_metrics(widgets(Deployment.of()))
    assert {name for name in _outcome_metrics() | shown if f"`{name}`" not in runbook} == set()


def _outcome_metrics() -> set[str]:
    """Return the metric of each scan outcome."""
    return set(scan_telemetry._METRICS.values())  # noqa: SLF001 - each name is compared with the template and the docs


def _feature_metrics() -> set[str]:
    """Return the metrics that count the calls of the features other than labels."""
    outcomes = [Outcome("key", kind, feature=feature) for kind in OutcomeKind for feature in Feature]
    return set(scan_telemetry._by_feature(outcomes))  # noqa: SLF001 - each name is compared with the template


def _own_metrics(widgets: list[dict[str, Any]]) -> set[str]:
    """Return the metric names in the ImageScan namespace. A dot repeats the value of the previous metric."""
    names, namespace = set(), ""
    for widget in widgets:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                namespace = namespace if metric[0] == "." else metric[0]
                names |= {metric[1]} if namespace == "ImageScan" else set()
    return names


def test_production_uses_canary_deployments_with_rollback_on_alarm() -> None:
    deployment = Deployment.of(**PRODUCTION)
    groups = deployment.of_type("CodeDeploy::DeploymentGroup").values()
    assert len(groups) == len(deployment.of_type("Lambda::Function"))
    for group in groups:
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        watched = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
        assert watched == {"ApiErrorsAlarm", "ScannerErrorsAlarm", "OperatorAlertsAlarm"}
    aliases = [each for each in deployment.resources.values() if each["Type"] == "AWS::Lambda::Alias"]
    assert all("CodeDeployLambdaAliasUpdate" in each["UpdatePolicy"] for each in aliases)


def test_a_change_of_auth_mode_redeploys_the_api() -> None:
    template = (paths.ROOT / "template.yaml").read_text()
    assert "AlwaysDeploy: true" in template


# ---------------------------------------------------------------- deployments


def test_without_a_page_the_stack_contains_nothing_that_a_new_account_cannot_create() -> None:
    for parameters in ({}, parameters_of("staging"), parameters_of("production")):
        kinds = {each["Type"] for each in Deployment.of(**parameters).resources.values()}
        assert {kind for kind in kinds if kind.startswith("AWS::CloudFront::")} == set()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_adding_the_page_later_adds_resources_and_changes_only_what_refers_to_the_page(environment: str) -> None:
    parameters = parameters_of(environment)
    before, after = Deployment.of(**parameters), Deployment.of(**{**parameters, **CLOUDFRONT})
    changed = {name for name in before.resources if before.resources[name] != after.resources.get(name)}
    assert changed == {"ImagesBucket", "SiteBucketPolicy", "UserPoolClient"}  # CORS, read permission, callback URLs
    added = {after.resources[name]["Type"] for name in set(after.resources) - set(before.resources)}
    assert added == {
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::ManagedLoginBranding",
    }


RELEASES = [deploy.release(time, "1f1f1ea") for time in (1_795_736_700.9, 1_795_736_701.1)]


def versions(deployment: Deployment) -> set[str]:
    return set(deployment.of_type("Lambda::Version"))


def descriptions(deployment: Deployment) -> set[str]:
    return {each["Description"] for each in deployment.of_type("Lambda::Function").values()}


def test_each_release_publishes_a_new_version_of_every_function() -> None:
    one, another = (Deployment.of(Release=each) for each in RELEASES)
    assert len(versions(one)) == len(descriptions(one)) == len(one.of_type("Lambda::Function"))
    assert versions(one) & versions(another) == set()
    assert descriptions(one) & descriptions(another) == set()  # Lambda rejects a version without any change


def test_without_a_release_only_changed_code_publishes_a_new_version() -> None:
    assert versions(Deployment.of()) == versions(Deployment.of(Release="", DefaultLabel="dog"))
    assert versions(Deployment.of()) & versions(Deployment.of(Release=RELEASES[0])) == set()


@pytest.mark.parametrize(
    ("release", "is_allowed"),
    [("", True), (RELEASES[0], True), ("1795736700", True), ("179573670", False), ("17957-3670-1f1f1ea", False)],
)
def test_a_release_starts_with_the_10_characters_that_name_the_versions(release: str, *, is_allowed: bool) -> None:
    allowed = re.compile(Template({}).parameters["Release"]["AllowedPattern"])
    assert bool(allowed.fullmatch(release)) is is_allowed


def test_the_longest_description_with_a_release_is_within_the_limit_of_lambda() -> None:
    longest = f"{RELEASES[0][:10]}-{'a' * 40}"
    assert max(map(len, descriptions(Deployment.of(Release=longest)))) <= 256


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_every_role_has_the_permissions_boundary(gradual: str) -> None:
    options = {"WebhookUrl": "https://example.org/scans", "GradualDeployment": gradual}
    limited = Deployment.of(**options, PermissionsBoundaryName="imagescan-staging-boundary").of_type("IAM::Role")
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}"}
    assert {name for name, role in limited.items() if role.get("PermissionsBoundary") != arn} == set()
    assert not any("PermissionsBoundary" in role for role in Deployment.of(**options).of_type("IAM::Role").values())


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_roles_of_an_environment_have_its_boundary(environment: str) -> None:
    assert parameters_of(environment)["PermissionsBoundaryName"] == f"imagescan-{environment}-boundary"


def test_user_names_are_not_case_sensitive_because_that_cannot_be_changed_later() -> None:
    assert Deployment.of(**STAGING).properties("UserPool")["UsernameConfiguration"] == {"CaseSensitive": False}


# ---------------------------------------------------------------- optional monitoring of the API


def test_access_logs_are_optional_and_contain_no_personal_data() -> None:
    assert "AccessLogSetting" not in stage(Deployment.of())
    assert Deployment.of().of_type("Logs::LogGroup").keys().isdisjoint({"ApiAccessLogGroup"})
    setting = stage(Deployment.of(ApiAccessLogs="true"))["AccessLogSetting"]
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}
    fields = json.loads(setting["Format"])
    assert {"time", "method", "path", "status", "latency_ms"} <= set(fields)
    assert not any(word in setting["Format"] for word in ("identity", "sourceIp", "context.path", "authorizer"))


@pytest.mark.parametrize(("setting", "is_enabled"), [("false", False), ("true", True)])
def test_metrics_per_method_are_optional(setting: str, *, is_enabled: bool) -> None:
    [settings] = stage(Deployment.of(ApiMethodMetrics=setting))["MethodSettings"]
    assert settings["MetricsEnabled"] is is_enabled


def test_the_emulator_has_neither_access_logs_nor_metrics_per_method() -> None:
    local = stage(Deployment.of(**DEPLOYMENTS["local"], ApiAccessLogs="true", ApiMethodMetrics="true"))
    assert "AccessLogSetting" not in local
    assert local["MethodSettings"][0]["MetricsEnabled"] is False


def stage(deployment: Deployment) -> dict[str, Any]:
    """Return the properties of the API's stage."""
    [properties] = deployment.of_type("ApiGateway::Stage").values()
    return properties


# ---------------------------------------------------------------- the web page


@pytest.mark.parametrize("parameters", [STAGING, PRODUCTION], ids=["staging", "production"])
def test_page_and_api_share_one_https_domain(deployment: Deployment) -> None:
    [distribution] = deployment.of_type("CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    page, api = config["Origins"]
    assert page["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccessControl", "Id"]}
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    behaviors = config["CacheBehaviors"]
    assert {each["TargetOriginId"] for each in behaviors} == {api["Id"]}
    patterns = [each["PathPattern"] for each in behaviors]
    assert [path for path, _ in methods(deployment) if not any(fnmatch(path, each) for each in patterns)] == []
    assert {each["ViewerProtocolPolicy"] for each in (*behaviors, config["DefaultCacheBehavior"])} == {
        "https-only",
        "redirect-to-https",
    }


@pytest.mark.parametrize(
    ("parameters", "web_url"),
    [
        (CLOUDFRONT, {"Fn::Sub": ["https://${Host}", {"Host": {"Fn::GetAtt": ["Distribution", "DomainName"]}}]}),
        ({**CLOUDFRONT, **CUSTOM_DOMAIN}, {"Fn::Sub": ["https://${Host}", {"Host": "scan.example.org"}]}),
        ({"WebHosting": "website"}, {"Fn::GetAtt": ["SiteBucket", "WebsiteURL"]}),
    ],
    ids=["cloudfront", "custom domain", "website"],
)
def test_the_web_page_and_additional_origins_can_upload(parameters: dict[str, str], web_url: Any) -> None:
    alone, with_another = (
        Deployment.of(**parameters),
        Deployment.of(**parameters, UploadCorsOrigins="https://example.org"),
    )
    assert alone.outputs["WebUrl"]["Value"] == web_url
    assert _upload_origins(alone) == [[web_url]]
    assert _upload_origins(with_another) == [[web_url], "https://example.org"]


@pytest.mark.parametrize("parameters", [DEPLOYMENTS["local"], {"WebHosting": "none"}], ids=["local", "none"])
def test_without_a_page_on_another_origin_only_additional_origins_need_cors(parameters: dict[str, str]) -> None:
    assert "CorsConfiguration" not in Deployment.of(**parameters).properties("ImagesBucket")
    assert _upload_origins(Deployment.of(**parameters, UploadCorsOrigins="http://localhost:5173")) == [
        "http://localhost:5173"
    ]


def _upload_origins(deployment: Deployment) -> list[Any]:
    rules = deployment.properties("ImagesBucket")["CorsConfiguration"]["CorsRules"]
    assert {tuple(rule["AllowedMethods"]) for rule in rules} == {("PUT",)}
    assert {tuple(sorted(rule["AllowedHeaders"])) for rule in rules} == {UPLOAD_HEADERS}
    return [rule["AllowedOrigins"] for rule in rules]


def test_cloudfront_does_not_cache_errors_of_the_api() -> None:
    config = Deployment.of(**CLOUDFRONT).properties("Distribution")["DistributionConfig"]
    cached_by_default = {404, 500, 502, 503, 504}
    assert {each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in config["CustomErrorResponses"]} == dict.fromkeys(
        cached_by_default, 0
    )


@pytest.mark.parametrize(("parameters", "covers_subdomains"), [({}, False), ({"HstsIncludeSubdomains": "true"}, True)])
def test_hsts_covers_subdomains_only_if_requested(parameters: dict[str, str], *, covers_subdomains: bool) -> None:
    policy = Deployment.of(**CLOUDFRONT, **parameters).properties("ResponseHeadersPolicy")
    headers = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["IncludeSubdomains"] is covers_subdomains


def test_the_target_of_the_dns_record_is_an_output() -> None:
    outputs = Deployment.of(**CLOUDFRONT, **CUSTOM_DOMAIN).outputs
    assert outputs["DistributionDomainName"]["Value"] == {"Fn::GetAtt": ["Distribution", "DomainName"]}


def test_web_files_have_security_headers() -> None:
    deployment = Deployment.of(**CLOUDFRONT)
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
    "path",
    [paths.ROOT / name for name in ("template.yaml", "bootstrap/environment.yaml", "bootstrap/github-role.yaml")],
    ids=lambda path: path.name,
)
def test_every_suppressed_finding_has_a_reason(path: Path) -> None:
    suppressed = [line for line in path.read_text().splitlines() if "CKV" in line]
    assert suppressed
    assert [line for line in suppressed if not re.search(r'comment: "[^"]{5,}"', line)] == []


@pytest.mark.parametrize(
    ("parameters", "memory", "snapshots"),
    [({}, "512", "None"), (DEPLOYMENTS["provisioned"], "1024", "PublishedVersions")],
)
def test_memory_size_and_snapstart_apply_to_every_function(deployment: Deployment, memory: str, snapshots: str) -> None:
    functions = deployment.of_type("Lambda::Function").values()
    configured = {(str(each["MemorySize"]), each["SnapStart"]["ApplyOn"]) for each in functions}
    assert configured == {(memory, snapshots)}


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
def test_the_scanner_is_limited_by_either_maximum_concurrency_or_provisioned_pollers(
    deployment: Deployment, limits: dict[str, Any]
) -> None:
    [mapping] = [each for each in mappings(deployment) if each.get("BatchSize") == 10 and "ScanQueue" in str(each)]
    bounds = {name: mapping[name] for name in ("ScalingConfig", "ProvisionedPollerConfig") if name in mapping}
    assert bounds == limits
