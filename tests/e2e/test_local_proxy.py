"""Test that web pages of other origins can call the API of the local stack, and nothing else on this machine."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import bridge, ports
from local.client import Client
from local.stack import Stack
from tools.env import REGION

FOREIGN = "http://attacker.example"
# What a browser sends for a script, an image and a form of another page.
FROM_SCRIPT = {"Origin": FOREIGN, "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
FROM_IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
BROWSERS = (os.environ.get("CHROMIUM", "chromium"), "chromium-browser", "google-chrome")
FAULT = {"kind": "error", "all": True}


class _Presigned(SigV4QueryAuth):
    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def presigned(method: str, url: str, service: str) -> str:
    """Sign a URL with the emulator's well-known credentials, as any web page can."""
    request = AWSRequest(method, url)
    _Presigned(Credentials("test", "test"), service, REGION).add_auth(request)
    return str(request.url)


@dataclass(frozen=True)
class Attack:
    """Requests that create a role and a function and invoke it. The function writes the marker file."""

    stack: Stack
    marker: Path
    name: str

    @property
    def create_role(self) -> str:
        query = f"Action=CreateRole&Version=2010-05-08&RoleName={self.name}&AssumeRolePolicyDocument=%7B%7D"
        return presigned("GET", f"{self.stack.aws_endpoint}/?{query}", "iam")

    @property
    def create_function(self) -> str:
        return presigned("POST", f"{self.stack.aws_endpoint}/2015-03-31/functions", "lambda")

    @property
    def function_body(self) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("main.py", f"def handle(event, context): open({str(self.marker)!r}, 'w').close()")
        body = {"FunctionName": self.name, "Runtime": "python3.13", "Handler": "main.handle"}
        code = {"ZipFile": base64.b64encode(archive.getvalue()).decode()}
        return json.dumps(body | {"Role": f"arn:aws:iam::000000000000:role/{self.name}", "Code": code})

    @property
    def invoke(self) -> str:
        return presigned("POST", f"{self.stack.aws_endpoint}/2015-03-31/functions/{self.name}/invocations", "lambda")

    def run(self, script: Mapping[str, str], image: Mapping[str, str]) -> list[httpx.Response]:
        """Send the requests with the headers of a script and of an image."""
        return [
            httpx.get(self.create_role, headers=image, timeout=60),
            httpx.post(self.create_function, content=self.function_body, headers=script, timeout=60),
            httpx.post(self.invoke, content="{}", headers=script, timeout=60),
        ]

    def traces(self) -> list[str]:
        """Return what the attack has created so far."""
        roles = [role["RoleName"] for role in self.stack.client("iam").list_roles()["Roles"]]
        pages = self.stack.client("lambda").get_paginator("list_functions").paginate()
        functions = [function["FunctionName"] for page in pages for function in page["Functions"]]
        files = [self.name] if self.marker.exists() else []
        return [name for name in (*roles, *functions, *files) if name == self.name]


@pytest.fixture
def attack(stack: Stack, tmp_path: Path) -> Iterator[Attack]:
    attack = Attack(stack, tmp_path / "executed", f"attack-{uuid.uuid4().hex[:8]}")
    yield attack
    if attack.traces():
        stack.client("lambda").delete_function(FunctionName=attack.name)
        stack.client("iam").delete_role(RoleName=attack.name)


def test_requests_of_a_foreign_page_are_rejected(attack: Attack) -> None:
    responses = attack.run(FROM_SCRIPT, FROM_IMAGE)
    assert [(each.status_code, each.json()["code"]) for each in responses] == [(403, "origin_not_allowed")] * 3
    assert attack.traces() == []


def test_the_same_requests_of_a_tool_are_accepted(attack: Attack) -> None:
    responses = attack.run({"Content-Type": "text/plain"}, {})
    assert [each.status_code for each in responses] == [200, 201, 200]
    assert attack.traces() == [attack.name] * 3


def test_a_foreign_domain_that_resolves_to_this_machine_is_rejected(stack: Stack) -> None:
    for url in (f"{stack.aws_endpoint}/", f"{stack.api_url}/stats", f"{stack.rekognition_url}/_control/calls"):
        assert httpx.get(url, headers={"Host": "attacker.example"}).status_code == 403


def test_containers_reach_the_emulator_through_the_bridge_and_foreign_pages_do_not(stack: Stack) -> None:
    with bridge.bridge(ports.HOST, [(ports.ANY_PORT, httpx.URL(stack.aws_endpoint).port or 0)]) as [port]:
        url, host = f"http://{ports.HOST}:{port}/_ministack/health", f"host.docker.internal:{port}"
        assert httpx.get(url, headers={"Host": host}).status_code == 200
        assert httpx.get(url, headers={"Host": host, "Origin": FOREIGN}).status_code == 403


def test_a_foreign_page_cannot_open_a_websocket(stack: Stack) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    url = f"{stack.aws_endpoint}/_aws/execute-api/{stack.outputs()['ApiId']}/v1"
    assert httpx.get(url, headers={**handshake, "Origin": FOREIGN}).status_code == 403


def test_a_foreign_page_can_call_the_api(stack: Stack) -> None:
    url = f"{stack.api_url}/scanrequest/{uuid.uuid4()}"
    response = httpx.get(url, headers={"Origin": FOREIGN}, timeout=60)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (404, "*")
    preflight = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"{stack.api_url}/scanrequest", headers=preflight, timeout=60).status_code == 204


def test_a_foreign_page_cannot_control_the_rekognition_emulator(stack: Stack) -> None:
    url = f"{stack.rekognition_url}/_control/faults"
    response = httpx.post(url, content=json.dumps(FAULT), headers=FROM_SCRIPT)
    assert (response.status_code, response.json()["__type"]) == (403, "AccessDeniedException")


def test_the_rejection_names_the_command_that_allows_uploads(stack: Stack) -> None:
    response = httpx.post(stack.aws_endpoint, headers={"Origin": "http://localhost:3000"})
    assert "make up PAGE_ORIGINS=http://localhost:3000" in response.json()["message"]


# ---------------------------------------------------------------- a real browser


@dataclass(frozen=True)
class ForeignPage:
    """A page at an origin of its own, and the queue of its reports."""

    origin: str
    settings: dict[str, str]
    reports: "Queue[dict[str, Any]]"


@contextmanager
def foreign_page() -> Iterator[ForeignPage]:
    settings: dict[str, str] = {}
    reports: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html = (Path(__file__).parent / "foreign_page.html").read_text()
            self._respond("text/html", html.replace("SETTINGS", json.dumps(settings)).encode())

        def do_POST(self) -> None:
            reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._respond("text/plain", b"")

        def log_message(self, *_: object) -> None:
            pass

        def _respond(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer((ports.HOST, ports.ANY_PORT), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield ForeignPage(f"http://localhost:{server.server_address[1]}", settings, reports)
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> str:
    """Return the path of Chromium. The tests of the web page install it."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None and "GITHUB_ACTIONS" not in os.environ:
        pytest.skip("NO PAGE WAS OPENED IN A BROWSER: install Chromium, or set CHROMIUM=<path>")
    assert found, "Chromium is not installed"
    return found


@pytest.fixture
def visit(attack: Attack, browser: str, fresh_image: Path, tmp_path: Path) -> Callable[[ForeignPage], dict[str, Any]]:
    """Return a function that opens a page in the browser and returns its report. The page uploads the fresh image."""
    stack, content = attack.stack, fresh_image.read_bytes()
    flags = ["--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []

    def open_page(page: ForeignPage) -> dict[str, Any]:
        page.settings.update(
            createRole=attack.create_role,
            createFunction=attack.create_function,
            functionBody=attack.function_body,
            invoke=attack.invoke,
            fault=f"{stack.rekognition_url}/_control/faults",
            faultBody=json.dumps(FAULT),
            listBuckets=presigned("GET", f"{stack.aws_endpoint}/", "s3"),
            socket=f"{stack.aws_endpoint.replace('http', 'ws')}/_aws/execute-api/{stack.outputs()['ApiId']}/v1",
            api=stack.api_url,
            image=base64.b64encode(content).decode(),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        command = [browser, *flags, *sandbox, "--remote-debugging-port=0", f"{page.origin}/"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - a fixed command
        try:
            return page.reports.get(timeout=120)
        finally:
            process.terminate()
            process.wait(30)

    return open_page


@pytest.mark.usefixtures("rekognition")
def test_a_page_in_a_browser_can_call_the_api_only(
    attack: Attack, visit: Callable[[ForeignPage], dict[str, Any]], api: Client, fresh_image: Path
) -> None:
    with foreign_page() as page:
        report = visit(page)
    assert attack.traces() == []
    assert (report["read"], report["socket"], report["api"]) == ("blocked: TypeError", "closed: 1006", 404)
    assert report["upload"]["upload"] == "blocked: TypeError"
    # The page's fault would fail this scan.
    assert api.ask(fresh_image, "cat")["label_matched"] is True


def test_a_page_in_page_origins_can_also_upload_images(
    stack: Stack, attack: Attack, visit: Callable[[ForeignPage], dict[str, Any]], api: Client
) -> None:
    with foreign_page() as page:
        stack.up([page.origin])
        try:
            report = visit(page)
            request = api.wait(report["upload"]["request"])
        finally:
            stack.up()
    assert (report["upload"]["upload"], request["label_matched"]) == (200, True)
    assert report["read"] == "blocked: TypeError"
    assert attack.traces() == []
