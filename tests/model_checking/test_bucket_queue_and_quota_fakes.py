"""The in-memory bucket, queue and daily quota of the model checker return the same results as the real adapters."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any, NamedTuple

import botocore.session
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from imagescan.aws import daily_quota, image_bucket, scan_queue
from imagescan.aws.s3_events import image_keys
from imagescan.domain.image import StoredObject, ValidatedImage, object_key, upload_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import ScanRequest
from testing.resources import BUCKET, COUNTERS, QUEUE_URL, Resources
from tests.model_checking.daily_quota import DailyQuota
from tests.model_checking.image_bucket import ImageBucket, with_version
from tests.model_checking.scan_queue import ScanQueue
from tests.model_checking.sequential_system import SequentialSystem
from tools.env import EMULATOR_CREDENTIALS, REGION

FRESH = count()

times = st.sampled_from([0.0, 60.0, 120.0, 180.0])
names = st.sampled_from(["one", "two"])
steps_on_bucket = st.one_of(
    st.tuples(st.just("put"), names, st.booleans()),
    st.tuples(st.just("put"), names, st.booleans()),
    st.tuples(st.just("delete_object"), names, st.booleans()),
    st.tuples(st.just("remove"), times, times),
    st.tuples(st.just("remove_upload"), names, times),
)
steps_on_quota = st.one_of(
    st.tuples(st.just("try_acquire"), st.sampled_from([5.0, DAY_SECONDS - 1.0, DAY_SECONDS + 0.0])),
    st.tuples(st.just("refund"), st.sampled_from([5.0, DAY_SECONDS + 5.0])),
)
sequences = settings(max_examples=30, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


class Clients(NamedTuple):
    dynamodb: Any
    s3: Any
    sqs: Any


class Moment:
    """The time that moto gives to objects, in seconds since the epoch."""

    now = 0.0

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def moment() -> Moment:
    return Moment()


@pytest.fixture(scope="module")
def clients(moment: Moment) -> Iterator[Clients]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name, value in EMULATOR_CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setattr("moto.s3.models.utcnow", moment.utcnow)
        session = botocore.session.get_session()
        created: Any = Clients(*(session.create_client(name, region_name=REGION) for name in Clients._fields))
        created.s3.meta.events.register("before-parameter-build.s3.PutObject", _name_checksum)
        Resources(*created).create()
        yield created


def _name_checksum(params: dict[str, Any], **_: Any) -> None:
    params.setdefault("ChecksumAlgorithm", "SHA256")  # moto stores a checksum only if the algorithm is named


class Image(NamedTuple):
    """Bytes that no other example has, and requests for them."""

    content: bytes
    hash: str

    def request(self, name: str, *, is_direct: bool) -> ScanRequest:
        request_id = f"{name}-{self.hash[:8]}"
        key = upload_key(request_id, self.hash, ImageType.JPEG) if is_direct else object_key(self.hash, ImageType.JPEG)
        return ScanRequest(request_id, self.hash, key, Question(("cat",), 90.0), 0.0, 100.0, awaits_upload=is_direct)

    @property
    def keys(self) -> list[str]:
        requests = [self.request(name, is_direct=is_direct) for name in ("one", "two") for is_direct in (True, False)]
        return sorted({request.image_key for request in requests})


def fresh_image() -> Image:
    content = str(next(FRESH)).encode()
    return Image(content, sha256(content).hexdigest())


def on_bucket(bucket: Any, image: Image, step: tuple[Any, ...]) -> Any:
    name, *arguments = step
    if name == "remove":
        until, covered_until = arguments
        return bucket.remove(image.hash, until, covered_until)
    if name == "remove_upload":
        return bucket.remove_upload(image.request(arguments[0], is_direct=True).image_key, arguments[1])
    validated = ValidatedImage(image.content, ImageType.JPEG, 80, 80, image.hash)
    return bucket.put(validated, image.request(arguments[0], is_direct=arguments[1]))


def without_version(stored: StoredObject | None) -> tuple[Any, ...] | None:
    return (stored.key, stored.hash, stored.request_id, stored.uploaded_at) if stored else None


@sequences
@example(steps=[("put", "one", True), ("put", "one", True), ("remove_upload", "one", 120.0), ("put", "one", True)])
@example(steps=[("put", "one", False), ("put", "two", False), ("remove", 60.0, 120.0), ("remove", 120.0, 120.0)])
@example(steps=[("put", "one", False), ("delete_object", "one", False), ("put", "two", False), ("remove", 0.0, 0.0)])
@given(steps=st.lists(steps_on_bucket, min_size=3, max_size=8))
def test_the_bucket_equals_the_real_one(clients: Clients, moment: Moment, steps: list[tuple[Any, ...]]) -> None:
    image, sequential = fresh_image(), SequentialSystem()
    real, fake = image_bucket.ImageBucket(clients.s3, BUCKET), ImageBucket(sequential.call)
    for at, step in enumerate(steps):
        moment.now = 60.0 * at
        sequential.system = sequential.system._replace(now=moment.now)
        if step[0] == "delete_object":  # by an operator
            key = image.request(step[1], is_direct=step[2]).image_key
            clients.s3.delete_object(Bucket=BUCKET, Key=key)
            sequential.system = with_version(sequential.system, key, None)
        else:
            assert on_bucket(fake, image, step) == on_bucket(real, image, step)
        for key in image.keys:
            assert without_version(fake.find(key)) == without_version(real.find(key))
        assert enqueued(sequential) == received(clients)


def enqueued(sequential: SequentialSystem) -> list[str]:
    """Return the keys in the messages of the queue, and delete the messages."""
    messages, sequential.system = sequential.system.queue, sequential.system._replace(queue=())
    return sorted(key for message in messages for key in image_keys(message.body))


def received(clients: Clients) -> list[str]:
    """Return the keys in the messages of the real queue, and delete the messages."""
    keys: list[str] = []
    while messages := clients.sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            clients.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
            if json.loads(message["Body"]).get("Event") != "s3:TestEvent":
                keys += image_keys(message["Body"])
    return sorted(keys)


@sequences
@given(batches=st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=10), min_size=1, max_size=3))
def test_the_queue_equals_the_real_one(clients: Clients, batches: list[list[str]]) -> None:
    received(clients)
    sequential = SequentialSystem()
    real, fake = scan_queue.ScanQueue(clients.sqs, QUEUE_URL), ScanQueue(sequential.call)
    for names_of_batch in batches:
        keys = [object_key(name * 64, ImageType.JPEG) for name in names_of_batch]
        assert fake.enqueue_all(keys) == real.enqueue_all(keys)
        assert enqueued(sequential) == received(clients)


def test_a_message_that_is_retried_later_stays_in_the_queue(clients: Clients) -> None:
    received(clients)
    key, sequential = object_key("a" * 64, ImageType.JPEG), SequentialSystem()
    real, fake = scan_queue.ScanQueue(clients.sqs, QUEUE_URL), ScanQueue(sequential.call)
    for queue in (real, fake):
        queue.enqueue_all([key])
    [delivered] = clients.sqs.receive_message(QueueUrl=QUEUE_URL)["Messages"]
    for queue in (real, fake):
        queue.retry_later({ScanMessage(delivered["MessageId"], delivered["ReceiptHandle"], 1, keys=(key,)): 0})
    assert enqueued(sequential) == received(clients) == [key]


@sequences
@given(limit=st.integers(1, 3), steps=st.lists(steps_on_quota, min_size=3, max_size=12))
def test_the_daily_quota_equals_the_real_one(clients: Clients, limit: int, steps: list[tuple[str, float]]) -> None:
    first_day = DAY_SECONDS * 2 * next(FRESH)
    real = daily_quota.DailyQuota(clients.dynamodb, COUNTERS, limit)
    fake = DailyQuota(SequentialSystem().call, limit)
    for name, at in steps:
        assert getattr(fake, name)(first_day + at) == getattr(real, name)(first_day + at)
