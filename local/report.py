"""Print the reports of `make status` and `make demo`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from imagescan.aws.items import scan_from_item
from imagescan.domain.feature import Feature, feature_from_item_key
from imagescan.domain.image_record import Scan
from local.client import CONTENT_TYPES, Client, RequestJson
from local.stack import TITLES, Stack
from tools.console import CommandError

RECENT_SCANS = 10
MAX_OTHER_LABELS = 3
NAME_WIDTH, AGE_WIDTH = 24, 10
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
        console.print(Padding(_recent_scans(stack), (0, 0, 0, 2)))
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
    outputs, dynamodb = stack.outputs(), stack.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(TableName=outputs["ImagesTable"])
    items = {item["image_hash"]["S"]: item for page in pages for item in page["Items"]}
    # Uploads to be purged and possessions have items as well. Their keys contain slashes.
    scans = {key: scan_from_item(item, feature_from_item_key(key)) for key, item in items.items() if "/" not in key}
    finished = sorted(((scan, key) for key, scan in scans.items() if scan), key=lambda one: -one[0].finished_at)
    print(f"Recent scans ({len(finished)} of {len(scans)} have finished)")
    recent = finished[:RECENT_SCANS]
    names = _references(
        dynamodb, outputs["RequestsTable"], [scan.scanned_for for scan, _ in recent if scan.scanned_for]
    )
    return scans_table([(names.get(scan.scanned_for or "") or key[:12], scan) for scan, key in recent], time.time())


def scans_table(scans: Sequence[tuple[str, Scan]], now: float) -> Table:
    """Return a table of the scans, each with the name of its image. It fits into 60 columns without wrapping."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    width = min(NAME_WIDTH, max((len(name) for name, _ in scans), default=0))
    table.add_column("Image", no_wrap=True, overflow="ellipsis", min_width=width, max_width=width)
    table.add_column("Scanned", no_wrap=True, min_width=AGE_WIDTH)
    table.add_column("Result", no_wrap=True, overflow="ellipsis")
    for name, scan in scans:
        table.add_row(escape(name), age(now - scan.finished_at), escape(_result(scan)))
    return table


def age(seconds: float) -> str:
    """Return an age in its largest unit, for example `3 min ago`."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def _references(dynamodb: Any, table: str, request_ids: Sequence[str]) -> dict[str, str]:
    """Return the file names in the references of these requests (at most 100), as far as they have one."""
    keys = [{"request_id": {"S": request_id}} for request_id in dict.fromkeys(request_ids)]
    found = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})["Responses"][table] if keys else []
    return {item["request_id"]["S"]: Path(item["reference"]["S"]).name for item in found if "reference" in item}


def _result(scan: Scan) -> str:
    """Return what was found or the failure, after the name of the feature unless that is ``labels``."""
    found = ", ".join(finding.name for finding in scan.findings[:MAX_OTHER_LABELS])
    result = scan.failure.message if scan.failure else found
    return result if scan.feature == Feature.LABELS else f"{scan.feature}: {result}"
