from local import environments

THE_USERS_OWN = {
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


def test_a_tool_is_given_the_emulators_address_and_nothing_of_an_aws_account() -> None:
    given = environments.for_tool("http://127.0.0.1:1234", {}, THE_USERS_OWN)
    assert given == {
        "PATH": "/usr/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "AWS_CA_BUNDLE": "/etc/ca.pem",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1234",
        **environments.NO_ACCOUNT,
    }


def test_a_server_is_given_nothing_of_an_aws_account_either() -> None:
    given = environments.for_server({"GATEWAY_PORT": "1234"}, THE_USERS_OWN)
    assert given == {"PATH": "/usr/bin", "GATEWAY_PORT": "1234", **environments.NO_ACCOUNT}


def test_what_a_process_needs_of_its_own_comes_last() -> None:
    assert environments.for_tool("http://127.0.0.1:1234", {"PATH": "/other"}, THE_USERS_OWN)["PATH"] == "/other"
