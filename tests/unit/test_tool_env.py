"""Test the environment variables of subprocesses."""

from tools import env

USER_VARIABLES = {
    "PATH": "/usr/bin",
    "HTTPS_PROXY": "http://proxy:3128",
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CA_BUNDLE": "/etc/ca.pem",
    "SAM_CLI_TELEMETRY": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def test_a_tool_gets_the_emulator_endpoint_and_no_setting_of_an_aws_account() -> None:
    assert env.tool_env("http://127.0.0.1:1234", {}, USER_VARIABLES) == {
        "PATH": "/usr/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "AWS_CA_BUNDLE": "/etc/ca.pem",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1234",
        **env.EMULATOR_CREDENTIALS,
    }


def test_a_server_gets_no_setting_of_an_aws_account() -> None:
    variables = env.server_env({"GATEWAY_PORT": "1234"}, USER_VARIABLES)
    assert variables == {"PATH": "/usr/bin", "GATEWAY_PORT": "1234", **env.EMULATOR_CREDENTIALS}


def test_extra_variables_override_inherited_ones() -> None:
    assert env.tool_env("http://127.0.0.1:1234", {"PATH": "/other"}, USER_VARIABLES)["PATH"] == "/other"
