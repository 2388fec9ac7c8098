"""Print the reports of `make status` and `make demo`."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from imagescan.aws.items import scan_from_item
from imagescan.domain.image_record import Scan
from local.client import CONTENT_TYPES, Client, RequestJson
from local.stack import TITLES, Stack
from tools.console import CommandError

RECENT_SCANS = 10
MAX_OTHER_LABELS = 3
HEALTHY = "healthy"


def status(stack: Stack, console: Console) -> bool:
    """Print the state of the stack. Return False if a part of it is not healthy."""
    servers = {
        TITLES[server.name]: _health(server.process() is not None, server.is_healthy()) for server in stack.servers()
    }
    is_healthy = set(servers.values()) == {HEALTHY} and stack.is_responding()
    application = HEALTHY if is_healthy else "not responding; run `make up`"
    _print_section("Health", servers | {"Application": application})
    if is_healthy:
        _print_section("URLs", urls(stack))
        _print_section("Messages", _queue_depths(stack))
        console.print(_recent_scans(stack))
    return is_healthy


def urls(stack: Stack) -> dict[str, str]:
    """Return the URLs of the stack by name."""
    return {
        "Web page": stack.web_url,
        "API": stack.api_url,
        "AWS emulator": stack.aws_endpoint,
        "Rekognition emulator": stack.rekognition_url,
    }


def demo(client: Client, folder: Path, labels: list[str], console: Console) -> None:
    """Ask for each label about each image in the folder, and print the results. Raise CommandError without an image."""
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in CONTENT_TYPES)
    if not images:
        raise CommandError(f"No JPEG or PNG image in {folder}")
    table = Table("Image", "Label", "Found", "Other labels")
    table.add_column("Seconds", justify="right")
    for image in images:
        for label in labels:
            table.add_row(image.name, label, *_ask(client, image, label))
        table.add_section()
    console.print(table)
    console.print("Each image is scanned once. A second question about the same image uses the stored scan.")


def _ask(client: Client, image: Path, label: str) -> tuple[str, str, str]:
    started = time.monotonic()
    request = client.ask(image, label)
    seconds = time.monotonic() - started
    match = request["match"] or {}
    others = [found["name"] for found in request["labels"] if found["name"] != match.get("label")]
    return _verdict(request, match.get("confidence")), ", ".join(others[:MAX_OTHER_LABELS]) or "none", f"{seconds:.2f}"


def _verdict(request: RequestJson, confidence: float | None) -> str:
    if request["label_matched"] is None:
        return str(request["message"])
    if not request["label_matched"]:
        return "no"
    return "yes" if confidence is None else f"yes ({confidence:.1f}%)"


def _health(is_running: bool, is_responding: bool) -> str:
    if not is_running:
        return "not running"
    return HEALTHY if is_responding else "not responding"


def _queue_depths(stack: Stack) -> dict[str, str]:
    outputs, sqs = stack.outputs(), stack.client("sqs")
    queues = {"Scan queue": outputs["ScanQueueUrl"], "Dead-letter queue": outputs["ScanDeadLetterQueueUrl"]}
    return {name: _queue_depth(sqs, url) for name, url in queues.items()}


def _queue_depth(sqs: Any, url: str) -> str:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depth: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return f"{depth[names[0]]} visible, {depth[names[1]]} in flight"


def _print_section(title: str, values: dict[str, str]) -> None:
    print(title)
    for name, value in values.items():
        print(f"  {name:22} {value}")


def _recent_scans(stack: Stack) -> Table:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs()["ImagesTable"])
    scans = {item["image_hash"]["S"]: scan_from_item(item) for page in pages for item in page["Items"]}
    finished = sorted(((scan, image) for image, scan in scans.items() if scan), key=lambda one: -one[0].finished_at)
    table = Table("Image", "Finished", "Status", "Labels", box=None, padding=(0, 2))
    print(f"Recent scans ({len(finished)} of {len(scans)} images have been scanned)")
    for scan, image in finished[:RECENT_SCANS]:
        table.add_row(image[:12], _local_time(scan.finished_at), scan.status, _result(scan))
    return table


def _result(scan: Scan) -> str:
    return scan.failure.message if scan.failure else ", ".join(label.name for label in scan.labels[:MAX_OTHER_LABELS])


def _local_time(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC).astimezone():%d %b %H:%M:%S}"
