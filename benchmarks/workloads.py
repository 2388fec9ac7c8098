"""What a distinct image uses of AWS, step by step, counted on the real handlers: sent one by one, or many at once."""

import gzip
import json
from base64 import b64encode
from collections import Counter
from functools import partial
from hashlib import sha256
from itertools import batched
from typing import Any
from uuid import uuid4

from benchmarks.meter import Meter, Units
from benchmarks.photograph import photograph, seen
from imagescan.api import query_params
from imagescan.api.request_models import MAX_ENTRIES
from imagescan.aws.stream_records import finished_records
from imagescan.domain.image import object_key
from imagescan.domain.image_header import ImageType
from testing.functions import BATCH_SIZE, proxy_event
from testing.moto_environment import MotoEnvironment
from testing.resources import BUCKET, IMAGES, REQUESTS, TEMPLATE

CALLS_OF_A_SCAN = ("UpdateItem", "HeadObject", "DetectLabels", "UpdateItem", "Query", "UpdateItem")
_NOT_COUNTED = 1_000_000  # the number of the picture that warms the functions up
HEADERS_OF_API_GATEWAY = 400  # bytes; beside those that a function sets: date, ids, and the frames around them
TRACE = "Root=1-6921b0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"  # as each invocation has one
CALLER = {"identity": {"caller": "AIDACKCEVSQ6C2EXAMPLE", "userArn": "arn:aws:iam::123456789012:user/caller"}}

type Steps = dict[str, Units]
type Event = dict[str, Any]
type Answer = dict[str, Any]


def one_by_one(env: MotoEnvironment, distinct: int) -> Steps:
    """Each is one POST, its scan, its settling, its event, and one GET once it is settled. ``world`` is empty."""
    meter, pictures = _warm_meter(env), _pictures(env, distinct)
    steps = {"POST": _posted(meter, pictures)}
    steps |= {"scan": _scanned(meter, distinct), "event": _told(meter, distinct), "GET": _asked_after(meter)}
    return _of_one(steps, distinct)


def many_at_once(env: MotoEnvironment, distinct: int) -> Steps:
    """As the command line does it: 25 are announced in a POST, each with a key, and uploaded straight to S3.

    Then 100 are asked after in a GET, once while they wait and once they are settled.
    """
    meter, pictures = _warm_meter(env), _pictures(env, distinct)
    steps = {"POST": _announced(meter, pictures), "upload": Counter({"s3.put": distinct})}
    too_soon = _asked_after_many(meter)
    steps |= {"scan": _scanned(meter, distinct), "event": _told(meter, distinct)}
    return _of_one(steps | {"GET": too_soon + _asked_after_many(meter)}, distinct)


def _warm_meter(env: MotoEnvironment) -> Meter:
    """After one image went all the way, which makes the clients and reads the settings."""
    env.functions.overrides["_X_AMZN_TRACE_ID"] = TRACE
    meter = Meter(env)
    _posted(meter, [photograph(_NOT_COUNTED)])
    _scanned(meter, 1)
    _told(meter, 1)
    _asked_after(meter)
    _asked_after_many(meter)
    return meter


def _pictures(env: MotoEnvironment, distinct: int) -> list[bytes]:
    """As many that all differ, and that Rekognition knows."""
    pictures = [photograph(number) for number in range(distinct)]
    env.detector.shows |= {sha256(each).hexdigest(): seen(number) for number, each in enumerate(pictures)}
    return pictures


def _of_one(steps: Steps, distinct: int) -> Steps:
    return {step: Counter({name: amount / distinct for name, amount in units.items()}) for step, units in steps.items()}


def _posted(meter: Meter, pictures: list[bytes]) -> Units:
    bodies = [{"file": b64encode(each).decode(), "fileType": "image/jpeg", "label": "cat"} for each in pictures]
    units, answers = _called(meter, "SubmitFunction", [_event("POST", json.dumps(body)) for body in bodies])
    meter.env.functions.accepted[:] = [answer["request_id"] for answer in answers]
    return units


def _announced(meter: Meter, pictures: list[bytes]) -> Units:
    entries = [_entry(each) for each in pictures]
    bodies = [json.dumps({"entries": some}) for some in batched(entries, MAX_ENTRIES, strict=True)]
    of_many = {"resource": "/scanrequests"}
    units, answers = _called(meter, "SubmitFunction", [_event("POST", body) | of_many for body in bodies])
    requests = [result["request"] for answer in answers for result in answer["results"]]
    for content, request in zip(pictures, requests, strict=True):
        _upload(meter.env, content, request)
    meter.env.functions.accepted[:] = [request["request_id"] for request in requests]
    return units


def _entry(content: bytes) -> dict[str, Any]:
    digest = sha256(content).hexdigest()
    return {"sha256": digest, "size": len(content), "fileType": "image/jpeg", "label": "cat", "idempotency_key": digest}


def _upload(env: MotoEnvironment, content: bytes, request: Answer) -> None:
    """The client's own call: it passes no function."""
    headers = request["upload"]["headers"]
    env.resources.s3.put_object(
        Bucket=BUCKET,
        Key=object_key(request["image_hash"], ImageType.JPEG),
        Body=content,
        ContentType=headers["Content-Type"],
        ChecksumAlgorithm="SHA256",  # moto keeps a checksum only of an algorithm that is named
        ChecksumSHA256=headers["x-amz-checksum-sha256"],
        Metadata={"request-id": headers["x-amz-meta-request-id"]},
    )


def _scanned(meter: Meter, distinct: int) -> Units:
    """S3 sends each image's message; Lambda receives and deletes them by batches, which are full."""
    units = meter.units("ScannerFunction", meter.env.trigger.deliver_all, at_once=BATCH_SIZE)
    return units + Counter({"sqs.requests": distinct + 2 * distinct / BATCH_SIZE})


def _told(meter: Meter, distinct: int) -> Units:
    """A batch of each table's stream. Lambda reads streams for nothing, and its filter leaves out what is pending."""
    units: Units = Counter()
    for table in (REQUESTS, IMAGES):
        records = meter.env.streams.records(table)
        event = {"Records": [each for each in records if finished_records({"Records": [each]})][-distinct:]}
        units += meter.units(
            "EventPublisherFunction", partial(meter.env.functions.invoke, "EventPublisherFunction", event)
        )
    return units


def _asked_after(meter: Meter) -> Units:
    paths_of = [{"pathParameters": {"request_id": each}} for each in meter.env.functions.accepted]
    units, _ = _called(meter, "StatusFunction", [_event("GET") | path for path in paths_of])
    return units


def _asked_after_many(meter: Meter) -> Units:
    ids = [",".join(some) for some in batched(meter.env.functions.accepted, query_params.MAX_LIMIT, strict=False)]
    events = [_event("GET") | {"resource": "/scanrequests", "queryStringParameters": {"ids": each}} for each in ids]
    units, _ = _called(meter, "ListRequestsFunction", events)
    return units


def _called(meter: Meter, function: str, events: list[Event]) -> tuple[Units, list[Answer]]:
    """What the calls through the API use, and what they are answered."""
    answers: list[Answer] = []
    invoke = meter.env.functions.invoke
    units = meter.units(function, lambda: answers.extend(invoke(function, event) for event in events))
    calls = Counter({"api.rest": len(answers), "transfer.out": sum(map(_bytes_out, answers))})
    return units + calls, [json.loads(answer["body"]) for answer in answers]


def _event(method: str, body: str | None = None) -> Event:
    return proxy_event(method, body) | {"requestContext": {"requestId": str(uuid4()), **CALLER}}


def _bytes_out(answer: Answer) -> int:
    """As API Gateway sends it to a client that takes gzip, as browsers and the command line do."""
    body = answer["body"].encode()
    is_packed = len(body) >= TEMPLATE.properties("Api", "Name", "DefinitionBody")["MinimumCompressionSize"]
    headers = len(json.dumps(answer["headers"])) + HEADERS_OF_API_GATEWAY
    return headers + len(gzip.compress(body) if is_packed else body)
