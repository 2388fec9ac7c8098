"""Test which requests the guard of the AWS emulator passes on."""

import asyncio
import json
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from local import emulator
from local.emulator import Message, Receive, Request, Send, guard, is_local_origin, rejection

HOST = "127.0.0.1:4566"
FOREIGN = "http://attacker.example"
OTHER_PAGE = "http://localhost:3000"
API = "/restapis/ab12/v1/_user_request_/scanrequest"
FUNCTIONS = "/2015-03-31/functions"
PAGE = "/imagescan-site/index.html"
IMAGE = f"/imagescan-images-local/images/{'a1' * 32}.jpg"
SIGNATURE = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F20261127%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20261127T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=s"
)
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PREFLIGHT = {"Access-Control-Request-Method": "PUT"}


def scope(
    method: str = "POST", path: str = "/", query: str = "", headers: Mapping[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    all_headers = {"Host": HOST} | dict(headers or {})
    encoded = [(name.encode(), value.encode()) for name, value in all_headers.items()]
    basic = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": encoded}
    return basic | fields


def code(*page_origins: str, **request: Any) -> str | None:
    rejected = rejection(Request(scope(**request)), page_origins)
    return rejected.code if rejected else None


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        "127.0.0.1",
        "localhost:4566",
        "LOCALHOST:4566",
        "[::1]:4566",
        "bucket.localhost:4566",
        "host.docker.internal",
    ],
)
def test_requests_of_tools_are_passed_on(host: str) -> None:
    assert code(path=FUNCTIONS, headers={"Host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:4566",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "attackerlocalhost",
        "0.0.0.0:4566",
        "192.168.1.2:4566",
        "user@127.0.0.1",
        "127.0.0.1:4566, attacker.example",
        "127.0.0.1:",
        "",
    ],
)
def test_a_host_that_is_not_local_is_rejected_on_every_path(host: str) -> None:
    assert {code(path=path, headers={"Host": host}) for path in (FUNCTIONS, API, PAGE)} == {"host_not_allowed"}


def test_a_missing_or_repeated_host_is_rejected() -> None:
    hosts = [(b"host", HOST.encode()), (b"host", b"attacker.example")]
    for headers in ([], hosts):
        rejected = rejection(Request(scope() | {"headers": headers}))
        assert rejected
        assert rejected.code == "host_not_allowed"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_the_web_page_of_the_stack_can_call_every_service(origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert code(path=FUNCTIONS, headers=headers) is None
    assert code(path=FUNCTIONS, headers={"Sec-Fetch-Site": "same-origin"}) is None


@pytest.mark.parametrize(
    "origin",
    [
        FOREIGN,
        OTHER_PAGE,
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:45660",
        "https://127.0.0.1:4566",
        "http://bucket.localhost:4566",
        "http://127.0.0.1:4566.attacker.example",
        f"http://127.0.0.1:4566, {FOREIGN}",
    ],
)
def test_a_foreign_page_can_call_the_api_only(origin: str) -> None:
    assert code(path=API, headers={"Origin": origin}) is None
    for method, path in (("POST", FUNCTIONS), ("GET", PAGE), ("PUT", IMAGE), ("OPTIONS", IMAGE), ("POST", "/")):
        headers = {"Origin": origin, **PREFLIGHT}
        assert code(method=method, path=path, query=SIGNATURE, headers=headers) == "origin_not_allowed"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything", "none, cross-site"])
def test_images_and_scripts_of_a_foreign_page_are_rejected_without_an_origin(site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert code(method="GET", query="Action=CreateRole", headers=headers) == "origin_not_allowed"
    assert code(method="GET", path=API, headers=headers) is None


@pytest.mark.parametrize(
    "path",
    [
        "/restapis",
        "/restapis/ab12",
        "/restapis/ab12/stages/v1",
        "/restapis/ab12/v1/_user_request",
        "/restapis/ab12/v1/x/_user_request_/",
        "//restapis/ab12/v1/_user_request_/",
        "/bucket/restapis/ab12/v1/_user_request_/",
        "/_aws/execute-api/ab12/v1/scanrequest",
        "/_ministack/reset",
    ],
)
def test_paths_that_only_resemble_the_api_are_rejected(path: str) -> None:
    assert code(path=path, headers={"Origin": FOREIGN}) == "origin_not_allowed"


@pytest.mark.parametrize(
    "query", ["", "request=f894a394", "code=1&state=2", "error=denied&error_description=x&state=2"]
)
def test_links_to_the_web_page_are_followed(query: str) -> None:
    assert code(method="GET", path=PAGE, query=query, headers=LINK) is None


@pytest.mark.parametrize(
    ("changed", "headers"),
    [
        ({"method": "POST"}, {}),
        ({"path": "/imagescan-images-local/images/a.jpg"}, {}),
        ({"query": "Action=CreateRole"}, {}),
        # An uploaded file must not be shown as a page of the stack's own origin.
        ({"query": f"{SIGNATURE}&response-content-type=text%2Fhtml"}, {}),
        ({}, {"Sec-Fetch-Dest": "iframe"}),
        ({}, {"Sec-Fetch-Mode": "no-cors"}),
        ({}, {"Origin": "null"}),
    ],
)
def test_other_navigations_from_a_foreign_page_are_rejected(changed: dict[str, str], headers: dict[str, str]) -> None:
    request = {"method": "GET", "path": PAGE} | changed
    assert code(**request, headers=LINK | headers) == "origin_not_allowed"


def test_page_origins_can_upload_images_with_presigned_urls() -> None:
    headers = {"Origin": OTHER_PAGE, "Sec-Fetch-Site": "cross-site"}
    assert code(OTHER_PAGE, method="PUT", path=IMAGE, query=SIGNATURE, headers=headers) is None
    assert code(OTHER_PAGE, method="OPTIONS", path=IMAGE, query=SIGNATURE, headers=headers | PREFLIGHT) is None
    assert code(FOREIGN, method="PUT", path=IMAGE, query=SIGNATURE, headers=headers) == "origin_not_allowed"


@pytest.mark.parametrize(
    ("changed", "headers"),
    [
        ({"method": "GET"}, {}),
        ({"method": "POST"}, {}),
        ({"method": "OPTIONS"}, {}),
        ({"method": "OPTIONS"}, {"Access-Control-Request-Method": "DELETE"}),
        ({"path": FUNCTIONS}, {}),
        ({"path": "/imagescan-site/index.html"}, {}),
        ({"path": f"{IMAGE}/code"}, {}),
        ({"query": ""}, {}),
        ({"query": f"{SIGNATURE}&Action=CreateRole"}, {}),
        ({"query": f"{SIGNATURE}&x-amz-credential=key%2F20261127%2Fus-east-1%2Flambda%2Faws4_request"}, {}),
        ({"query": SIGNATURE.replace("s3", "lambda")}, {}),
        ({}, {"X-Amz-Target": "AWSLambda.CreateFunction"}),
        ({}, {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/iam/aws4_request"}),
    ],
)
def test_page_origins_can_do_nothing_else(changed: dict[str, str], headers: dict[str, str]) -> None:
    request = {"method": "PUT", "path": IMAGE, "query": SIGNATURE} | changed
    assert code(OTHER_PAGE, **request, headers={"Origin": OTHER_PAGE} | headers) == "origin_not_allowed"


@pytest.mark.parametrize(
    ("origin", "page_origins", "advice"),
    [
        (OTHER_PAGE, [], f"make up PAGE_ORIGINS={OTHER_PAGE}"),
        (OTHER_PAGE, [OTHER_PAGE], "only uploads of images"),
        (FOREIGN, [], FOREIGN),
    ],
)
def test_the_message_says_what_to_do(origin: str, page_origins: list[str], advice: str) -> None:
    rejected = rejection(Request(scope(headers={"Origin": origin})), page_origins)
    assert rejected
    assert advice in rejected.message
    assert ("make up" in rejected.message) == ("make up" in advice)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80", "http://a.localhost"]
)
def test_origins_on_this_machine_are_local(origin: str) -> None:
    assert is_local_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        FOREIGN,
        "http://localhost:3000/",
        "localhost:3000",
        "http://localhost.example",
        "http://x@localhost",
    ],
)
def test_other_origins_are_not_local(origin: str) -> None:
    assert not is_local_origin(origin)


# ---------------------------------------------------------------- the ASGI app


def run(request: dict[str, Any], *page_origins: str) -> tuple[list[Message], list[Any]]:
    """Return what the guard sends, and the types of the requests that it passes on."""
    sent: list[Message] = []
    passed_on: list[Any] = []

    async def app(scope: Mapping[str, Any], _receive: Receive, _send: Send) -> None:
        passed_on.append(scope["type"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(guard(app, page_origins)(request, receive, send))
    return sent, passed_on


def test_the_guard_passes_allowed_requests_on() -> None:
    assert run(scope()) == ([], ["http"])
    assert run({"type": "lifespan"}) == ([], ["lifespan"])
    assert run(scope("PUT", IMAGE, SIGNATURE, {"Origin": OTHER_PAGE}), OTHER_PAGE) == ([], ["http"])


def test_the_guard_responds_to_rejected_requests_with_json() -> None:
    (start, end), passed_on = run(scope(headers={"Origin": FOREIGN}))
    assert passed_on == []
    assert (start["status"], dict(start["headers"])[b"content-type"]) == (403, b"application/json")
    assert dict(start["headers"])[b"content-length"] == str(len(end["body"])).encode()
    assert json.loads(end["body"]).keys() == {"code", "message"}


@pytest.mark.parametrize("headers", [{"Origin": FOREIGN}, {"Host": "attacker.example"}])
@pytest.mark.parametrize("path", ["/", API])
def test_the_guard_closes_websockets_of_foreign_pages(path: str, headers: dict[str, str]) -> None:
    sent, passed_on = run(scope(path=path, headers=headers, type="websocket"))
    assert ([message["type"] for message in sent], passed_on) == (["websocket.close"], [])


def test_the_guard_passes_websockets_of_tools_on() -> None:
    assert run(scope(type="websocket")) == ([], ["websocket"])


def test_the_emulator_serves_the_guarded_app(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(_scope: Mapping[str, Any], _receive: Receive, _send: Send) -> None:
        raise AssertionError

    arguments: list[list[str]] = []
    ministack = SimpleNamespace(app=app, main=lambda: arguments.append(sys.argv[1:]))
    monkeypatch.setitem(sys.modules, "ministack.app", ministack)
    monkeypatch.setattr(sys, "argv", ["emulator.py", OTHER_PAGE])
    emulator.main()
    assert arguments == [[]]
    assert ministack.app is not app
