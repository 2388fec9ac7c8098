"""What `make status` and `make demo` print."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imagescan.aws.rows import scan_in
from imagescan.requests import Scan
from rich.console import Console
from rich.table import Table

from local.client import TYPES, Answer, Client
from local.say import Trouble
from local.stack import Stack

LAST = 10
OTHERS = 3
HEALTHY = "healthy"


def status(stack: Stack, console: Console) -> bool:
    """Prints how the stack is; False when a part of it is not healthy."""
    servers = {server.name: _health(server.process() is not None, server.is_healthy()) for server in stack.servers()}
    is_healthy = set(servers.values()) == {HEALTHY} and stack.answers()
    _list("Health", servers | {"application": HEALTHY if is_healthy else "does not answer: run make up"})
    if is_healthy:
        _list("Addresses", addresses(stack))
        _list("Messages", _depths(stack))
        console.print(_last_scans(stack))
    return is_healthy


def addresses(stack: Stack) -> dict[str, str]:
    """The addresses that a person may want, by what is there."""
    return {
        "Web page": stack.page_url,
        "API": stack.api_url,
        "AWS emulator": stack.aws_endpoint,
        "Rekognition stand-in": stack.rekognition_url,
    }


def demo(client: Client, folder: Path, labels: list[str], console: Console) -> None:
    """Asks for each label about each picture in a folder and prints the answers."""
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in TYPES)
    if not pictures:
        raise Trouble(f"there is no JPEG or PNG picture in {folder}")
    table = Table("picture", "label asked", "answer", "confidence", "other labels", "seconds")
    for picture in pictures:
        for label in labels:
            table.add_row(picture.name, label, *_asked(client, picture, label))
    console.print(table)


def _asked(client: Client, picture: Path, label: str) -> tuple[str, str, str, str]:
    started = time.monotonic()
    answer = client.ask(picture, label)
    seconds = time.monotonic() - started
    match = answer["match"] or {}
    names = [found["name"] for found in answer["labels"] if found["name"] != match.get("label")]
    return _verdict(answer), _percent(match.get("confidence")), ", ".join(names[:OTHERS]), f"{seconds:.2f}"


def _verdict(answer: Answer) -> str:
    return {True: "yes", False: "no"}.get(answer["label_matched"], str(answer["message"]))


def _percent(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.1f} %"


def _health(runs: bool, answers: bool) -> str:
    return HEALTHY if runs and answers else "does not answer" if runs else "not running"


def _depths(stack: Stack) -> dict[str, str]:
    outputs, sqs = stack.outputs(), stack.client("sqs")
    queues = {"scan queue": outputs["ScanQueueUrl"], "dead-letter queue": outputs["ScanDeadLetterQueueUrl"]}
    return {name: _depth(sqs, url) for name, url in queues.items()}


def _depth(sqs: Any, url: str) -> str:
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depth: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return f"{depth[wanted[0]]} waiting, {depth[wanted[1]]} in work"


def _list(title: str, values: dict[str, str]) -> None:
    print(title)
    for name, value in values.items():
        print(f"  {name:22} {value}")


def _last_scans(stack: Stack) -> Table:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs()["ImagesTable"])
    scans = {item["image_hash"]["S"]: scan_in(item) for page in pages for item in page["Items"]}
    finished = sorted(((scan, image) for image, scan in scans.items() if scan), key=lambda one: -one[0].finished_at)
    table = Table("image", "finished", "status", "labels", box=None, padding=(0, 2))
    print(f"Last scans ({len(finished)} of {len(scans)} images are scanned)")
    for scan, image in finished[:LAST]:
        table.add_row(image[:12], _local_time(scan.finished_at), scan.status, _result(scan))
    return table


def _result(scan: Scan) -> str:
    return scan.failure.message if scan.failure else ", ".join(label.name for label in scan.labels[:OTHERS])


def _local_time(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC).astimezone():%d %b %H:%M:%S}"
