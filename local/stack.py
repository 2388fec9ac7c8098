"""Manage a local stack: the AWS emulator, the Rekognition emulator, and the application deployed on them."""

import json
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError

from local import ports
from local.emulator import is_local_origin
from local.gateway_responses import deploy_gateway_responses
from local.server import Server
from tools import paths, sam, web
from tools.console import CommandError, step
from tools.env import REGION, server_env

EMULATOR = "emulator"
REKOGNITION = "rekognition"
TITLES = {EMULATOR: "AWS emulator", REKOGNITION: "Rekognition emulator"}
DEFAULT_PORTS = {EMULATOR: 4566, REKOGNITION: 4570}
ANY_PORTS = {EMULATOR: ports.ANY_PORT, REKOGNITION: ports.ANY_PORT}
# SSM parameters that name the current deployment and the published web page.
DEPLOYED = "/local/deployed"
PUBLISHED = "/local/published"
NOT_RUNNING = "The local stack is not running. Run `make up`."
PORT_OF_DATA_IN_USE = (
    "Port {port} is in use by {owner}. The AWS emulator needs this port, because the queues in the stack's data have "
    "URLs with it. Stop that process and run `make up` again. If it is another local stack, run `make down` in its "
    "project folder. To use another port, run `make reset`: it deletes the data of this stack."
)
SCANNER_NOT_INVOKED = "not invoked by the scan queue; see `make logs`, or delete the data with `make reset`"
# S3 sends this message when notifications are configured. The scanner ignores it.
S3_TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
# A busy machine can take several seconds to start the scanner.
MAX_SCANNER_START_S = 30


class Stack:
    """A local stack. Several stacks can run at the same time, each with its own name and folder.

    The URLs, `outputs` and `client` raise CommandError until `up` has run.
    """

    def __init__(self, name: str = "main", preferred_ports: Mapping[str, int] = DEFAULT_PORTS) -> None:
        self.home: Path = paths.STACKS / name
        self._preferred_ports = preferred_ports

    # ------------------------------------------------------------ commands

    def up(self, page_origins: Sequence[str] = ()) -> None:
        """Start the servers that are not running, and deploy if the sources, the ports or the origins changed.

        Pages at `page_origins`, such as `http://localhost:3000`, can upload images directly. Raise CommandError if an
        origin is not on this machine, or if the stack has data and another process uses the AWS emulator's port.
        """
        invalid = [origin for origin in page_origins if not is_local_origin(origin)]
        if invalid:
            raise CommandError(
                f"PAGE_ORIGINS contains {invalid[0]!r}. Use origins on this machine, such as http://localhost:3000. "
                "Separate them with commas."
            )
        self.home.mkdir(parents=True, exist_ok=True)
        self._page_origins_file.write_text(json.dumps(list(page_origins)))
        self._ports_file.write_text(json.dumps(self._pick_ports()))
        self._start_servers()
        built = self._build()
        with step("start the AWS emulator and the Rekognition emulator"):
            for server in self._servers():
                server.wait_until_healthy()
        self._deploy_if_changed(built)
        self._publish_web_page()

    def sync(self) -> None:
        """Deploy changed sources to the running stack."""
        self.require_running()
        self._deploy_if_changed(self._build())
        self._publish_web_page()

    def down(self) -> list[str]:
        """Stop the servers, keep the data, and return the names of the servers that were running."""
        return [server.name for server in reversed(self._servers()) if server.stop()]

    def reset(self) -> None:
        """Delete the data and deploy again."""
        self.down()
        shutil.rmtree(self._data, ignore_errors=True)
        self.up(self._page_origins)

    # ------------------------------------------------------------ URLs and clients

    @property
    def aws_endpoint(self) -> str:
        """Return the endpoint URL of the AWS emulator, for every AWS service."""
        return f"http://{ports.HOST}:{self._port(EMULATOR)}"

    @property
    def rekognition_url(self) -> str:
        """Return the URL of the Rekognition emulator. Its control API is at `/_control`."""
        return f"http://{ports.HOST}:{self._port(REKOGNITION)}"

    @property
    def api_url(self) -> str:
        """Return the base URL of the API, without a trailing slash."""
        return f"{self.aws_endpoint}/restapis/{self.outputs()['ApiId']}/v1/_user_request_"

    @property
    def web_url(self) -> str:
        """Return the URL of the web page."""
        return f"{self.aws_endpoint}/{self.outputs()['SiteBucket']}/index.html"

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the deployed template."""
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=sam.STACK_NAME)["Stacks"]
        except ClientError as missing:
            raise CommandError("Nothing is deployed on the local stack. Run `make up`.") from missing
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def client(self, service: str) -> Any:
        """Return a boto3 client for the AWS emulator."""
        create: Any = self._session.client
        return create(service, endpoint_url=self.aws_endpoint, config=Config(retries={"max_attempts": 2}))

    def servers(self) -> list[Server]:
        """Return the servers of the AWS emulator and the Rekognition emulator, running or not."""
        if not self._ports:
            raise CommandError(NOT_RUNNING)
        return self._servers()

    def require_running(self) -> None:
        """Raise CommandError unless every server is running."""
        if not all(server.process() for server in self.servers()):
            raise CommandError(NOT_RUNNING)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=REGION)

    # ------------------------------------------------------------ deployment

    def _build(self) -> Path:
        with step("build functions"):
            return sam.build()

    def _deploy_if_changed(self, built: Path) -> None:
        parameters = self._parameters()
        deployment = f"{built.name} {json.dumps(parameters, sort_keys=True)}"
        if deployment == self._load_marker(DEPLOYED) and self.is_responding():
            return
        with step("deploy application"):
            sam.deploy(built, self.aws_endpoint, parameters)
            outputs = self.outputs()
            self._make_site_public(outputs["SiteBucket"])
            deploy_gateway_responses(self.client("apigateway"), self._processed_template(), outputs["ApiId"])
        self._store_marker(DEPLOYED, deployment)

    def _processed_template(self) -> dict[str, Any]:
        """Return the deployed template after the SAM transform."""
        stage = {"StackName": sam.STACK_NAME, "TemplateStage": "Processed"}
        template: dict[str, Any] = self.client("cloudformation").get_template(**stage)["TemplateBody"]
        return template

    def _make_site_public(self, bucket: str) -> None:
        """Allow public reads of the web page's bucket. On AWS, CloudFront reads it. The emulator has no CloudFront."""
        s3 = self.client("s3")
        read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        s3.delete_public_access_block(Bucket=bucket)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))

    def _publish_web_page(self) -> None:
        with step("publish web page"):
            built, outputs = web.build(), self.outputs()
            # A relative URL, because browsers can also reach this machine as localhost.
            api = f"/restapis/{outputs['ApiId']}/v1/_user_request_"
            publication = f"{built.name} {outputs['SiteBucket']} {api}"
            if publication != self._load_marker(PUBLISHED):
                web.publish(built, self.client("s3"), outputs["SiteBucket"], api)
                self._store_marker(PUBLISHED, publication)

    def _store_marker(self, name: str, value: str) -> None:
        """Store a marker in the emulator itself, so that it is never newer than the emulator's state."""
        self.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def _load_marker(self, name: str) -> str | None:
        try:
            return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return None
            raise

    def _parameters(self) -> dict[str, str]:
        return {
            "Architecture": sam.architecture(),
            "RekognitionEndpointUrl": self.rekognition_url,
            "IsLocalEmulator": "true",
            "AuthMode": "open",
            "MaxWaitSeconds": "25",
            **({"UploadCorsOrigins": ",".join(self._page_origins)} if self._page_origins else {}),
        }

    def is_responding(self) -> bool:
        """Return whether the deployed API responds. It responds with 404 to a request ID that does not exist."""
        try:
            response = httpx.get(f"{self.api_url}/scanrequest/{uuid.uuid4()}", timeout=30)
        except (CommandError, httpx.TransportError):
            return False
        return response.status_code == httpx.codes.NOT_FOUND and "code" in response.text

    def is_scanner_invoked(self, seconds: float = MAX_SCANNER_START_S) -> bool:
        """Send a test event to the scan queue. Return whether the scanner is invoked within `seconds`.

        The event scans nothing and changes no data.
        """
        outputs, logs = self.outputs(), self.client("logs")
        function = self.client("lambda").get_function_configuration(FunctionName=outputs["ScannerFunction"])
        log_group = function["LoggingConfig"]["LogGroup"]
        sent_at_ms, end = int(time.time() * 1000), time.monotonic() + seconds
        self.client("sqs").send_message(QueueUrl=outputs["ScanQueueUrl"], MessageBody=S3_TEST_EVENT)
        # Lambda logs the start of each invocation.
        while not logs.filter_log_events(logGroupName=log_group, startTime=sent_at_ms)["events"]:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    # ------------------------------------------------------------ files

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _ports_file(self) -> Path:
        return self.home / "ports.json"

    @property
    def _page_origins_file(self) -> Path:
        return self.home / "page-origins.json"

    @property
    def _page_origins(self) -> list[str]:
        return json.loads(self._page_origins_file.read_text()) if self._page_origins_file.exists() else []

    @property
    def _ports(self) -> dict[str, int]:
        return json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}

    def _port(self, name: str) -> int:
        try:
            return self._ports[name]
        except KeyError as missing:
            raise CommandError(NOT_RUNNING) from missing

    def _pick_ports(self) -> dict[str, int]:
        running = {server.name: self._port(server.name) for server in self._servers() if server.process()}
        return {name: running.get(name) or self._pick_port(name) for name in self._preferred_ports}

    def _pick_port(self, name: str) -> int:
        """Return the port that a server had before, or else a free one. Only the AWS emulator cannot change its port.

        The emulator stores the URLs of queues, and with another port it does not deliver their messages to functions.
        """
        port = self._ports.get(name, self._preferred_ports[name])
        if name == EMULATOR and name in self._ports and self._data.exists():
            if not ports.is_free(port):
                raise CommandError(PORT_OF_DATA_IN_USE.format(port=port, owner=ports.owner(port)))
            return port
        return ports.pick_port(port, TITLES[name])

    # ------------------------------------------------------------ servers

    def _start_servers(self) -> None:
        for server in self._servers():
            if server.is_outdated():
                server.stop()
            if server.process():
                continue
            if server.name == EMULATOR:
                # Killed workers leave their temporary folders behind.
                shutil.rmtree(self.home / "tmp", ignore_errors=True)
                (self.home / "tmp").mkdir()
            server.start()

    def _servers(self) -> list[Server]:
        return [self._emulator(), self._rekognition()] if self._ports else []

    def _emulator(self) -> Server:
        settings = {
            "GATEWAY_PORT": str(self._port(EMULATOR)),
            "BIND_HOST": ports.HOST,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",  # Enforce the IAM policies of each function's role, as AWS does.
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(self._data / "state"),
            "S3_DATA_DIR": str(self._data / "s3"),
            "TMPDIR": str(self.home / "tmp"),
        }
        return Server(
            EMULATOR,
            self.home,
            # -P keeps the modules next to the script out of the emulator's imports.
            [paths.EMULATOR_PYTHON, "-P", paths.EMULATOR_SERVER, *self._page_origins],
            server_env(settings),
            f"{self.aws_endpoint}/_ministack/health",
        )

    def _rekognition(self) -> Server:
        return Server(
            REKOGNITION,
            self.home,
            ["node", paths.REKOGNITION_SERVER, "--port", str(self._port(REKOGNITION))],
            server_env({"S3_ENDPOINT": self.aws_endpoint, "AWS_ENDPOINT_URL": self.aws_endpoint}),
            f"{self.rekognition_url}/_control/health",
        )
