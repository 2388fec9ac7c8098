"""A local stack: the emulator, the stand-in for Rekognition, and the application deployed on them."""

import json
import shutil
import uuid
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError

from local import environments, page, paths, ports, sam
from local.say import Trouble, step
from local.server import Server

EMULATOR = "emulator"
REKOGNITION = "rekognition"
USUAL_PORTS = {EMULATOR: 4566, REKOGNITION: 4570}
ANY_PORTS = {EMULATOR: ports.ANY, REKOGNITION: ports.ANY}
DEPLOYED = "/local/deployed"
PUBLISHED = "/local/published"


class Stack:
    """Several may run at once, each with a name and so a folder of its own.

    `up` is wanted before the addresses, `outputs` and `client` answer: without it they are a `Trouble`.
    """

    def __init__(self, name: str = "main", wanted_ports: Mapping[str, int] = USUAL_PORTS) -> None:
        self.home: Path = paths.STACKS / name
        self._wanted_ports = wanted_ports

    # ------------------------------------------------------------ commands

    def up(self) -> None:
        """Starts what is not running, and deploys unless what is deployed is what the sources say."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._ports_file.write_text(json.dumps(self._choose_ports()))
        self._start_servers()
        built = self._build()
        with step("emulator and Rekognition stand-in answer"):
            for server in self._servers():
                server.wait_until_healthy()
        self._deploy_if_changed(built)
        self._publish_page()

    def live(self) -> None:
        """Puts changed sources on the running stack."""
        if not all(server.process() for server in self.servers()):
            raise Trouble("the local stack is not up: run make up")
        self._deploy_if_changed(self._build())
        self._publish_page()

    def down(self) -> list[str]:
        """Stops the servers and returns the names of those that ran; the data stays."""
        return [server.name for server in reversed(self._servers()) if server.stop()]

    def reset(self) -> None:
        """Empties the data and deploys again."""
        self.down()
        shutil.rmtree(self._data, ignore_errors=True)
        self.up()

    # ------------------------------------------------------------ addresses and clients

    @property
    def aws_endpoint(self) -> str:
        """Where the emulator answers for every AWS service."""
        return f"http://{ports.HOST}:{self._port(EMULATOR)}"

    @property
    def rekognition_url(self) -> str:
        """Where the stand-in answers; its control address is `/_control` under it."""
        return f"http://{ports.HOST}:{self._port(REKOGNITION)}"

    @property
    def api_url(self) -> str:
        """The API's base address, without a slash at its end."""
        return f"{self.aws_endpoint}/restapis/{self.outputs()['ApiId']}/v1/_user_request_"

    @property
    def page_url(self) -> str:
        """Where the web page is."""
        return f"{self.aws_endpoint}/{self.outputs()['SiteBucket']}/index.html"

    def outputs(self) -> dict[str, str]:
        """The template's outputs by name."""
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=sam.STACK_NAME)["Stacks"]
        except ClientError as missing:
            raise Trouble("nothing is deployed on the local stack: run make up") from missing
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        create: Any = self._session.client
        return create(service, endpoint_url=self.aws_endpoint, config=Config(retries={"max_attempts": 2}))

    def servers(self) -> list[Server]:
        """The emulator and the stand-in, running or not."""
        if not self._ports:
            raise Trouble("the local stack has never been up: run make up")
        return self._servers()

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=environments.REGION)

    # ------------------------------------------------------------ deployment

    def _build(self) -> Path:
        with step("functions are built"):
            return sam.build()

    def _deploy_if_changed(self, built: Path) -> None:
        parameters = self._parameters()
        wanted = f"{built.name} {json.dumps(parameters, sort_keys=True)}"
        if wanted == self._remembered(DEPLOYED) and self.answers():
            return
        with step("application is deployed"):
            sam.deploy(built, self.aws_endpoint, parameters)
            self._let_browsers_read(self.outputs()["SiteBucket"])
        self._remember(DEPLOYED, wanted)

    def _let_browsers_read(self, bucket: str) -> None:
        """Opens the page's bucket, which on AWS only the content delivery network reads; the emulator has none."""
        s3 = self.client("s3")
        read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        s3.delete_public_access_block(Bucket=bucket)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))

    def _publish_page(self) -> None:
        with step("web page is published"):
            built, outputs = page.build(), self.outputs()
            # Without a host, because a browser may call this machine localhost as well.
            api = f"/restapis/{outputs['ApiId']}/v1/_user_request_"
            wanted = f"{built.name} {outputs['SiteBucket']} {api}"
            if wanted != self._remembered(PUBLISHED):
                page.publish(built, self.client("s3"), outputs["SiteBucket"], api)
                self._remember(PUBLISHED, wanted)

    def _remember(self, name: str, value: str) -> None:
        """The emulator itself keeps it, so that it is never newer than the emulator's own state."""
        self.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def _remembered(self, name: str) -> str | None:
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
        }

    def answers(self) -> bool:
        """Whether the deployed API itself answers, which it does even about a request that does not exist."""
        try:
            answer = httpx.get(f"{self.api_url}/scanrequest/{uuid.uuid4()}", timeout=30)
        except (Trouble, httpx.TransportError):
            return False
        return answer.status_code == httpx.codes.NOT_FOUND and "code" in answer.text

    # ------------------------------------------------------------ files

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _ports_file(self) -> Path:
        return self.home / "ports.json"

    @property
    def _ports(self) -> dict[str, int]:
        return json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}

    def _port(self, name: str) -> int:
        try:
            return self._ports[name]
        except KeyError as never_up:
            raise Trouble("the local stack has never been up: run make up") from never_up

    def _choose_ports(self) -> dict[str, int]:
        kept = {server.name: self._port(server.name) for server in self._servers() if server.process()}
        wanted = {**self._wanted_ports, **self._ports}
        return {name: kept.get(name) or ports.choose(port, f"this stack's {name}") for name, port in wanted.items()}

    # ------------------------------------------------------------ servers

    def _start_servers(self) -> None:
        for server in self._servers():
            if server.process():
                continue
            if server.name == EMULATOR:
                # Workers that were ended leave their folders behind.
                shutil.rmtree(self.home / "tmp", ignore_errors=True)
                (self.home / "tmp").mkdir()
            server.start()

    def _servers(self) -> list[Server]:
        return [self._emulator(), self._rekognition()] if self._ports else []

    def _emulator(self) -> Server:
        own = {
            "GATEWAY_PORT": str(self._port(EMULATOR)),
            "BIND_HOST": ports.HOST,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",  # so that each function's role is judged as on AWS
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(self._data / "state"),
            "S3_DATA_DIR": str(self._data / "s3"),
            "TMPDIR": str(self.home / "tmp"),
        }
        return Server(
            EMULATOR,
            self.home,
            [paths.EMULATOR_PYTHON, "-m", "ministack"],
            environments.for_server(own),
            f"{self.aws_endpoint}/_ministack/health",
        )

    def _rekognition(self) -> Server:
        return Server(
            REKOGNITION,
            self.home,
            ["node", paths.REKOGNITION_SERVER, "--port", str(self._port(REKOGNITION))],
            environments.for_server({"S3_ENDPOINT": self.aws_endpoint, "AWS_ENDPOINT_URL": self.aws_endpoint}),
            f"{self.rekognition_url}/_control/health",
        )
