"""Compares warm handlers with the AWS calls that they make, in a process of its own."""

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

from imagescan.aws import clients
from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.image import validate_image
from imagescan.domain.image_header import ImageType
from tools import paths

# Each handler's status code and the request's status, or the answer to the queue, and its AWS calls.
EXPECTED: dict[str, tuple[object, str | None, int]] = {
    "status, answered": (200, "completed", 1),
    "status, waiting": (200, "pending", 2),
    "submit, a new image": (202, "pending", 3),
    "submit, a known image": (200, "completed", 2),
    "scanner, ten images": ({"batchItemFailures": []}, None, 60),
}

type Event = dict[str, Any]
type Call = Callable[[], object]
type Threads = list[list[Call]]

ROUNDS = 200
CLIENTS = (clients.dynamodb, clients.s3, clients.sqs, clients.rekognition)
NEW = (paths.SAMPLES / "cat.jpg").read_bytes()
KNOWN = NEW + b"known"  # a decoder stops where the picture ends


class Context:
    """A Lambda context with all of its time left."""

    def get_remaining_time_in_millis(self) -> int:
        """Of the scanner's minute."""
        return 60_000


def main() -> None:
    """Prints the seconds of CPU of one call, of each handler and of its AWS calls made bare."""
    told, sys.stdout = sys.stdout, Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    measured = {name: compared(handler, recorded(handler)) for name, handler in checked().items()}
    json.dump(measured, told)


def compared(handler: Call, threads: Threads) -> tuple[float, float]:
    """Medians of many rounds, in which both take turns so that whatever slows the machine slows both."""
    rounds = [(_seconds(handler), _seconds(lambda: make_again(threads))) for _ in range(ROUNDS)]
    own, bare = zip(*rounds, strict=True)
    return median(own), median(bare)


def _seconds(call: Call) -> float:
    """Of CPU, the kernel's and every thread's among them."""
    began = time.process_time()
    call()
    return time.process_time() - began


def checked() -> dict[str, Call]:
    """Each that did what it is measured for. Raises RuntimeError for one that did not."""
    measured = handlers()
    for name, handler in measured.items():
        answer: Any = handler()
        calls = sum(map(len, recorded(handler)))
        did = answer.get("statusCode", answer), json.loads(answer.get("body", "{}")).get("status"), calls
        if did != EXPECTED[name]:
            raise RuntimeError(f"{name}: {did}")
    return measured


def handlers() -> dict[str, Call]:
    """Each with its event. They log to the standard output of the time when they are imported."""
    from imagescan.handlers import scanner, status, submit  # noqa: PLC0415 - see above

    batch = _announcing(
        validate_image(KNOWN, ImageType.JPEG).key, *(f"images/{number:064x}.jpg" for number in range(9))
    )
    scanner.lambda_handler(batch, Context())
    known, new = _posting(KNOWN), _posting(NEW)
    answered, waiting = (_asking_after(submit.lambda_handler(post, Context())) for post in (known, new))
    return {
        "status, answered": lambda: status.lambda_handler(answered, Context()),
        "status, waiting": lambda: status.lambda_handler(waiting, Context()),
        "submit, a new image": lambda: submit.lambda_handler(new, Context()),
        "submit, a known image": lambda: submit.lambda_handler(known, Context()),
        "scanner, ten images": lambda: scanner.lambda_handler(batch, Context()),
    }


def recorded(handler: Call) -> Threads:
    """The AWS calls that it makes, by thread, to be made again with the same parameters by the SDK as it comes."""
    threads: dict[int, list[Call]] = defaultdict(list)

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        client = stock(model.service_model.service_name)
        call = partial(getattr(client, xform_name(model.name)), **copy.deepcopy(params))
        threads[threading.get_ident()].append(call)

    all_events = [client().meta.events for client in CLIENTS]
    for events in all_events:
        events.register("provide-client-params", note)
    handler()
    for events in all_events:
        events.unregister("provide-client-params", note)
    return list(threads.values())


@cache
def stock(service: str) -> Any:
    """A client with nothing set, as the documentation makes it: a floor that does not move when ours get better."""
    return boto3.client(service)  # type: ignore[call-overload]  # the service is not known before


def make_again(threads: Threads) -> None:
    """The calls of several threads in as many threads: taking turns is a part of their CPU."""
    if len(threads) == 1:
        _each(threads[0])
        return
    with ThreadPoolExecutor(len(threads)) as pool:
        list(pool.map(_each, threads))


def _each(calls: list[Call]) -> None:
    for call in calls:
        call()


def _posting(picture: bytes) -> Event:
    body = json.dumps({"file": b64encode(picture).decode(), "fileType": "image/jpeg"})
    return {"httpMethod": "POST", "resource": "/scanrequest", "body": body, "isBase64Encoded": False}


def _asking_after(posted: Event) -> Event:
    return {"httpMethod": "GET", "pathParameters": {"request_id": json.loads(posted["body"])["request_id"]}}


def _announcing(*keys: str) -> Event:
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
