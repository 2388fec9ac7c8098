"""Print the reports of `make status` and `make demo`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from imagescan.aws.items import scan_from_item
from imagescan.domain.feature import Feature, feature_from_item_key
from imagescan.domain.image_record import Scan
from local.client import CONTENT_TYPES, Client, RequestJson, question
from local.stack import SCANNER_NOT_INVOKED, TITLES, Stack
from tools.console import CommandError

RECENT_SCANS = 10
MAX_OTHER_LABELS = 3
NAME_WIDTH, AGE_WIDTH = 24, 10
HEALTHY = "healthy"
NONE = "none"
# Attributes of a queue.
VISIBLE, IN_FLIGHT = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


class Asked(NamedTuple):
    """A question of `make demo`: how the table names it, and the field of the request that asks it."""

    title: str
    field: str
    value: str | list[str]


LABELS_OF_DEMO = [Asked("cat", "label", "cat"), Asked("person", "label", "person")]
ANY_MODERATION_LABEL = Asked("any moderation label", "moderation", ["*"])
# More questions about some of the sample images.
FEATURES_OF_DEMO = {
    "sign.png": [ANY_MODERATION_LABEL, Asked("text 'open'", "text", ["open"])],
    "wine-bottle.png": [ANY_MODERATION_LABEL, Asked("text 'wine'", "text", ["wine"])],
}


def status(stack: Stack, console: Console) -> bool:
    """Print the state of the stack. Return False if a part of it is not healthy."""
    servers = {
        TITLES[server.name]: _health(server.process() is not None, server.is_healthy()) for server in stack.servers()
    }
    is_responding = set(servers.values()) == {HEALTHY} and stack.is_responding()
    application = HEALTHY if is_responding else "not responding; run `make up`"
    health = servers | {"Application": application} | ({"Scanner": _scanner_health(stack)} if is_responding else {})
    _print_section("Health", health)
    if is_responding:
        _print_section("URLs", urls(stack))
        _print_section("Messages", _queue_depths(stack))
        console.print(Padding(_recent_scans(stack), (0, 0, 0, 2)))
    return set(health.values()) == {HEALTHY}


def urls(stack: Stack) -> dict[str, str]:
    """Return the URLs of the stack by name."""
    return {
        "Web page": stack.web_url,
        "API": stack.api_url,
        "AWS emulator": stack.aws_endpoint,
        "Rekognition emulator": stack.rekognition_url,
    }


def demo(client: Client, folder: Path, console: Console) -> None:
    """Ask about each image in the folder, and print the results. Raise CommandError without an image."""
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in CONTENT_TYPES)
    if not images:
        raise CommandError(f"No JPEG or PNG image in {folder}")
    table = Table("Image", "Asked for", "Found", "Other results")
    table.add_column("Seconds", justify="right")
    for image in images:
        for asked in [*LABELS_OF_DEMO, *FEATURES_OF_DEMO.get(image.name, [])]:
            table.add_row(image.name, *(escape(text) for text in _ask(client, image, asked)))
        table.add_section()
    console.print(table)
    console.print("Each image is scanned once per feature. Another question about the same image uses the stored scan.")


def _ask(client: Client, image: Path, asked: Asked) -> tuple[str, str, str, str]:
    started = time.monotonic()
    request = client.wait(client.post(question(image) | {asked.field: asked.value}).raise_for_status().json())
    seconds = time.monotonic() - started
    match = request["match"] or {}
    others = [result for result in _results(request) if result[0] != match.get("label")]
    return (
        asked.title,
        _verdict(request, match),
        ", ".join(f"{name} ({confidence:.0f}%)" for name, confidence in others[:MAX_OTHER_LABELS]) or NONE,
        f"{seconds:.2f}",
    )


def _results(request: RequestJson) -> list[tuple[str, float]]:
    """Return the names, or the lines of text, and the confidences of all results of a finished request."""
    results = [*request["labels"], *(request["moderation"] or {}).get("labels", ())]
    lines = (request["text"] or {}).get("lines", ())
    return [(each["name"], each["confidence"]) for each in results] + [
        (line["text"], line["confidence"]) for line in lines
    ]


def _verdict(request: RequestJson, match: RequestJson) -> str:
    if request["label_matched"] is None:
        return str(request["message"])
    if not request["label_matched"]:
        return "no"
    return f"yes: {match['label']} ({match['confidence']:.0f}%)"


def _scanner_health(stack: Stack) -> str:
    """Return whether the scan queue invokes the scanner, and whether it processes its messages."""
    if not stack.is_scanner_invoked():
        return SCANNER_NOT_INVOKED
    dead_letters = int(_queue_depth(stack.client("sqs"), stack.outputs()["ScanDeadLetterQueueUrl"])[VISIBLE])
    return (
        f"dead-letter queue not empty ({dead_letters}); run `make redrive OPTIONS=--list`" if dead_letters else HEALTHY
    )


def _health(is_running: bool, is_responding: bool) -> str:
    if not is_running:
        return "not running"
    return HEALTHY if is_responding else "not responding"


def _queue_depths(stack: Stack) -> dict[str, str]:
    outputs, sqs = stack.outputs(), stack.client("sqs")
    queues = {"Scan queue": outputs["ScanQueueUrl"], "Dead-letter queue": outputs["ScanDeadLetterQueueUrl"]}
    depths = {name: _queue_depth(sqs, url) for name, url in queues.items()}
    return {name: f"{depth[VISIBLE]} visible, {depth[IN_FLIGHT]} in flight" for name, depth in depths.items()}


def _queue_depth(sqs: Any, url: str) -> dict[str, str]:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[VISIBLE, IN_FLIGHT])["Attributes"]
    return {name: attributes[name] for name in (VISIBLE, IN_FLIGHT)}


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
    result = scan.failure.message if scan.failure else found or NONE
    return result if scan.feature == Feature.LABELS else f"{scan.feature}: {result}"
