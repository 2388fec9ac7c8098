"""Compare the CPU time of warm handlers with that of their AWS calls. Runs as a separate process."""

import copy
import json
import os
import sys
import threading
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from botocore import xform_name

from benchmarks.fake_aws import hash_for
from imagescan.aws import clients
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.image import validate_image
from imagescan.domain.image_header import ImageType
from testing.image_variants import with_new_content
from tools import paths

# Status code of the handler (or result for the queue), status of the request, and number of AWS calls.
EXPECTED: dict[str, tuple[object, str | None, int]] = {
    "status, finished": (200, "completed", 1),
    "status, pending": (200, "pending", 2),
    "submit, new image": (202, "pending", 3),
    "submit, known image": (200, "completed", 2),
    "scanner, 10 images": (
        {"batchItemFailures": []},
        None,
        100,
    ),  # one more per image: its request is only in the index
}

type Event = dict[str, Any]
type Call = Callable[[], object]
type Threads = list[list[Call]]

ROUNDS = 200
CLIENTS = (clients.dynamodb, clients.s3, clients.sqs, clients.rekognition)
NEW = (paths.SAMPLES / "cat.jpg").read_bytes()
KNOWN = with_new_content(NEW, 0)


class Context:
    """A Lambda context with its full time left."""

    def get_remaining_time_in_millis(self) -> int:
        """Return one minute, the timeout of the scanner."""
        return 60_000


def main() -> None:
    """Print the CPU seconds of each handler and of its AWS calls as JSON."""
    stdout, sys.stdout = sys.stdout, Path(os.devnull).open("w")  # noqa: SIM115 - open until the process exits
    measured = {name: compare(handler, record_calls(handler)) for name, handler in checked_handlers().items()}
    json.dump(measured, stdout)


def compare(handler: Call, threads: Threads) -> tuple[float, float]:
    """Return the median CPU seconds of both. They alternate, so that other load on the machine affects both."""
    rounds = [(_seconds(handler), _seconds(lambda: replay(threads))) for _ in range(ROUNDS)]
    with_handler, calls_only = zip(*rounds, strict=True)
    return median(with_handler), median(calls_only)


def _seconds(call: Call) -> float:
    """Return the CPU seconds of all threads, in user and kernel mode."""
    started = time.process_time()
    call()
    return time.process_time() - started


def checked_handlers() -> dict[str, Call]:
    """Return the handlers. Raise RuntimeError if one does not return the expected result."""
    measured = handlers()
    for name, handler in measured.items():
        answer: Any = handler()
        calls = sum(map(len, record_calls(handler)))
        actual = answer.get("statusCode", answer), json.loads(answer.get("body", "{}")).get("status"), calls
        if actual != EXPECTED[name]:
            raise RuntimeError(f"{name}: {actual}")
    return measured


def handlers() -> dict[str, Call]:
    """Return each handler with its event.

    They are imported here because their loggers keep the standard output of the time of the import.
    """
    from imagescan.handlers import scanner, status, submit  # noqa: PLC0415 - see the docstring

    known, new = _post_event(KNOWN), _post_event(NEW)
    submit.lambda_handler(known, Context())
    batch = _queue_event(
        validate_image(KNOWN, ImageType.JPEG).key, *(f"images/{hash_for(number)}.png" for number in range(9))
    )
    scanner.lambda_handler(batch, Context())
    finished, pending = (_get_event(submit.lambda_handler(post, Context())) for post in (known, new))
    return {
        "status, finished": lambda: status.lambda_handler(finished, Context()),
        "status, pending": lambda: status.lambda_handler(pending, Context()),
        "submit, new image": lambda: submit.lambda_handler(new, Context()),
        "submit, known image": lambda: submit.lambda_handler(known, Context()),
        "scanner, 10 images": lambda: scanner.lambda_handler(batch, Context()),
    }


def record_calls(handler: Call) -> Threads:
    """Record the AWS calls of a handler by thread, to replay them with clients in their default configuration."""
    threads: dict[int, list[Call]] = defaultdict(list)

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        client = default_client(model.service_model.service_name)
        call = partial(getattr(client, xform_name(model.name)), **copy.deepcopy(params))
        threads[threading.get_ident()].append(call)

    all_events = [client().meta.events for client in CLIENTS]
    for events in all_events:
        events.register("provide-client-params", record)
    handler()
    for events in all_events:
        events.unregister("provide-client-params", record)
    return list(threads.values())


@cache
def default_client(service: str) -> Any:
    """Return a client in its default configuration, so that optimised clients do not change the baseline."""
    return boto3.client(service)  # type: ignore[call-overload]  # the service is a variable


def replay(threads: Threads) -> None:
    """Replay calls in as many threads as recorded, because switching threads uses CPU time too."""
    if len(threads) == 1:
        _each(threads[0])
        return
    with ThreadPoolExecutor(len(threads)) as pool:
        list(pool.map(_each, threads))


def _each(calls: list[Call]) -> None:
    for call in calls:
        call()


def _post_event(image: bytes) -> Event:
    body = json.dumps({"file": b64encode(image).decode(), "fileType": "image/jpeg"})
    return {"httpMethod": "POST", "resource": "/scanrequest", "body": body, "isBase64Encoded": False}


def _get_event(response: Event) -> Event:
    return {"httpMethod": "GET", "pathParameters": {"request_id": json.loads(response["body"])["request_id"]}}


def _queue_event(*keys: str) -> Event:
    return {
        "Records": [
            {
                "messageId": key,
                "receiptHandle": key,
                "body": s3_event_message(key),
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for key in keys
        ]
    }


if __name__ == "__main__":
    main()
