"""Print the logs of all functions as one readable stream."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

POLL_S = 0.7
# CloudWatch Logs can store an event shortly after its timestamp.
MAX_DELAY_MS = 5_000
# Lines that Lambda adds to every invocation, and fields that every line of the service repeats.
PLATFORM_LINES = re.compile(r"^(START|END|REPORT|INIT_START) ")
REPEATED_FIELDS = {
    "level", "message", "location", "timestamp", "service", "function_name", "function_arn", "function_memory_size",
    "function_request_id", "cold_start", "xray_trace_id", "sampling_rate",
}  # fmt: skip


def follow(logs: Any, since_ms: int) -> Iterator[str]:
    """Yield every log line since `since_ms` (Unix time in milliseconds) and never stop.

    `logs` is a CloudWatch Logs client.
    """
    seen: dict[str, int] = {}
    while True:
        new = [event for event in _events(logs, since_ms) if _key(event) not in seen]
        yield from (line(event) for event in new if not PLATFORM_LINES.match(event["message"]))
        seen |= {_key(event): event["timestamp"] for event in new}
        since_ms = max(since_ms, max(seen.values(), default=0) - MAX_DELAY_MS)
        seen = {key: at for key, at in seen.items() if at >= since_ms}
        time.sleep(POLL_S)


def line(event: dict[str, Any]) -> str:
    """Format an event as time, function and message, with the fields of a structured message as `name=value`."""
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {event['function']:15} {_readable(event['message'].rstrip())}"


def _events(logs: Any, since_ms: int) -> list[dict[str, Any]]:
    groups = [group["logGroupName"] for page in _pages(logs, "describe_log_groups") for group in page["logGroups"]]
    found = [
        event | {"function": function_name(group)}
        for group in groups
        for page in _pages(logs, "filter_log_events", logGroupName=group, startTime=since_ms)
        for event in page["events"]
    ]
    return sorted(found, key=lambda event: event["timestamp"])


def _pages(logs: Any, operation: str, **arguments: Any) -> Any:
    return logs.get_paginator(operation).paginate(**arguments)


def _key(event: dict[str, Any]) -> str:
    return f"{event['logStreamName']} {event['timestamp']} {event['message']}"


def function_name(group: str) -> str:
    """Return `ask-follow-up` for `/aws/lambda/imagescan-AskFollowUpFunction-1A` or `.../imagescan/AskFollowUpLogs`."""
    resource = re.search(r"[-/](\w+?)(Function|Logs)\b", group)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", resource[1]).lower() if resource else group.rsplit("/", 1)[-1]


def _readable(message: str) -> str:
    try:
        entry = json.loads(message)
    except ValueError:
        return message
    if not isinstance(entry, dict) or "level" not in entry:
        return message
    rest = " ".join(f"{name}={_value(value)}" for name, value in entry.items() if name not in REPEATED_FIELDS)
    return f"{entry['level']:7} {entry.get('message', '')} {rest}".rstrip()


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
