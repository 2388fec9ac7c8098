"""The in-memory tables of the model checker return the same results as the real adapters on DynamoDB (moto)."""

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from imagescan.aws import images_table, requests_table
from imagescan.domain.feature import Feature
from imagescan.domain.image import IMAGE_INVALID
from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Image,
    Possession,
    PossessionKey,
    PurgeCandidate,
    Scan,
    Status,
)
from imagescan.domain.labels import Label
from imagescan.domain.policy import ITEM_MARGIN_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from testing.template import Template
from tests.model_checking.images_table import ImagesTable
from tests.model_checking.requests_table import RequestsTable
from tests.model_checking.sequential_system import SequentialSystem
from tools.env import EMULATOR_CREDENTIALS, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

NOT_IN_MOTO = ("PointInTimeRecoverySpecification", "StreamSpecification", "TimeToLiveSpecification")
RETENTION_SECONDS = 100
FRESH = (f"{number:064x}" for number in count())

SEEN, REJECTED = Scan(Status.COMPLETED, 50.0), Scan(Status.FAILED, 50.0, failure=IMAGE_INVALID)

times = st.sampled_from([0.0, 50.0, 100.0, 150.0])
owners = st.sampled_from(["one", "two", "three"])
scans = st.just(REJECTED) | st.builds(
    Scan, st.just(Status.COMPLETED), times, st.just((Label("Cat", 97.0),)), st.just("3.0")
)

expiries = times.map(lambda written_at: written_at + RETENTION_SECONDS + ITEM_MARGIN_SECONDS)
budgets = st.lists(times, max_size=2, unique=True).map(tuple)
leases = st.builds(lambda owner, now: ("lease", owner, now, now + 40, 2), owners, times)
removals = st.tuples(st.just("remove"), st.integers(1, 2), st.one_of(st.none(), scans), times)
image_steps = st.one_of(
    leases,
    leases,
    st.tuples(st.just("release"), owners, st.booleans(), st.booleans(), st.none() | times),
    st.tuples(st.just("exhaust"), times),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("reopen_stale"), budgets),
    st.tuples(st.just("exhaust_stale"), budgets, times),
    st.tuples(st.just("defer"), owners, times),
    st.tuples(st.just("finish"), scans),
    st.tuples(st.just("claim_requeues"), times, times),
    st.tuples(st.just("mark_for_purge"), times),
    st.tuples(st.just("grant"), owners, times),
    st.tuples(st.just("possessions"), owners),
    st.tuples(st.just("renew"), times),
    st.tuples(st.just("renew_possession"), owners, times),
    st.tuples(st.just("remove_expired"), expiries),
    st.tuples(st.just("remove_expired_possession"), owners, expiries),
    st.tuples(st.just("reset"), times),
    removals,
    removals,
)
ids = st.sampled_from(["r1", "r2", "r3"])
request_steps = st.one_of(
    st.tuples(st.just("put"), ids, times),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("settle"), st.lists(ids, min_size=1, max_size=3, unique=True), scans),
)
# Deterministic sequences, enough of them to detect a missing condition in an adapter.
sequences = settings(max_examples=30, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="module")
def client() -> "Iterator[DynamoDBClient]":
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name, value in EMULATOR_CREDENTIALS.items():
            patch.setenv(name, value)
        dynamodb: Any = botocore.session.get_session().create_client("dynamodb", region_name=REGION)
        for name, resource in (("images", "ImagesTable"), ("requests", "RequestsTable")):
            dynamodb.create_table(TableName=name, **Template({}).properties(resource, *NOT_IN_MOTO))
        yield dynamodb


def image_tables(client: "DynamoDBClient") -> tuple[images_table.ImagesTable, ImagesTable]:
    """Return the real table and the one in memory. Items expire in both."""
    real = images_table.ImagesTable(client, "images", RETENTION_SECONDS)
    return real, ImagesTable(SequentialSystem(retention_seconds=RETENTION_SECONDS).call)


def on_image(table: Any, image_hash: str, step: tuple[Any, ...]) -> Any:
    name, *arguments = step
    if name == "release":
        owner, refund, bytes_missing, not_before = arguments
        return table.release(image_hash, owner, refund=refund, bytes_missing=bytes_missing, not_before=not_before)
    if name == "claim_requeues":
        return table.claim_requeues([image_hash], *arguments)
    apply = next((apply for prefixes, apply in STEPS.items() if name.startswith(prefixes)), None)
    return apply(table, image_hash, name, arguments) if apply else getattr(table, name)(image_hash, *arguments)


def on_removal(table: Any, image_hash: str, name: str, arguments: list[Any]) -> Any:
    """Remove the image as it was read, with this number of marks and grants, and this scan or these exhaustions."""
    guard, result, now = arguments
    results = {"scan": result} if name == "remove" else {"exhausted_at": result}
    return table.remove([Image(image_hash, purge_guard=guard, **results)], now)


def on_expiry(table: Any, image_hash: str, name: str, arguments: list[Any]) -> Any:
    """Renew the item of the image or of a possession, or remove it if it expires at that time."""
    *owner, time = arguments
    item = Possession(owner[0], image_hash, 0.0, "r") if owner else Image(image_hash)
    if name.startswith("renew"):
        return table.renew(item, time)
    expired = item._replace(expires_at=time) if isinstance(item, Possession) else replace(item, expires_at=time)
    return table.remove_expired(expired)


def on_possession(table: Any, image_hash: str, name: str, arguments: list[Any]) -> Any:
    owner, *since = arguments
    if name == "possessions":
        return table.possessions([PossessionKey(owner, image_hash)])
    return table.grant(Possession(owner, image_hash, since[0], "r"))


def on_budget(table: Any, image_hash: str, name: str, arguments: list[Any]) -> Any:
    """Exhaust or reopen the image as it is, or as it was with the exhaustions that the step gives."""
    if name.endswith("_stale"):
        exhausted_at, *arguments = arguments
        return getattr(table, name.removesuffix("_stale"))(Image(image_hash, exhausted_at=exhausted_at), *arguments)
    return getattr(table, name)(table.get(image_hash) or Image(image_hash), *arguments)


def on_reset(table: Any, image_hash: str, _name: str, arguments: list[Any]) -> Any:
    read = table.get(image_hash) or Image(image_hash)
    return table.reset(read, read, *arguments)


STEPS = {
    ("exhaust", "reopen"): on_budget,
    ("renew", "remove_expired"): on_expiry,
    ("remove",): on_removal,
    ("reset",): on_reset,
    ("grant", "possessions"): on_possession,
}


def candidates(table: Any, image_hash: str) -> list[PurgeCandidate]:
    return [marked for marked in table.purge_candidates() if marked.key == image_hash]


def failed(table: Any, image_hash: str) -> list[Image]:
    codes = IMAGE_INVALID.code, ATTEMPTS_EXHAUSTED.code
    return [image for code in codes for image in table.failed_with(code) if image.hash == image_hash]


@sequences
@example(steps=[("lease", "one", 0.0, 40.0, 2), ("lease", "two", 50.0, 90.0, 2), ("lease", "three", 100.0, 140.0, 2)])
@example(
    steps=[
        ("mark_for_purge", 50.0),
        ("lease", "one", 50.0, 90.0, 2),
        ("remove", 1, None, 50.0),
        ("remove", 1, None, 100.0),
    ]
)
@example(
    steps=[
        ("mark_for_purge", 0.0),
        ("finish", SEEN),
        ("remove", 1, None, 150.0),
        ("remove", 2, SEEN, 150.0),
        ("remove", 1, SEEN, 150.0),
    ]
)
@example(steps=[("lease", "one", 0.0, 40.0, 1), ("lease", "one", 0.0, 40.0, 1), ("lease", "one", 50.0, 90.0, 1)])
@example(
    steps=[
        ("lease", "one", 0.0, 40.0, 1),
        ("release", "one", False, False, 100.0),
        ("lease", "two", 50.0, 90.0, 2),
        ("lease", "two", 100.0, 140.0, 2),
        ("exhaust", 50.0),
        ("exhaust", 100.0),
        ("lease", "three", 150.0, 190.0, 3),
        ("reopen_stale", ()),
        ("reopen_stale", (0.0,)),
        ("lease", "three", 150.0, 190.0, 1),
        ("exhaust_stale", (), 100.0),
        ("exhaust", 150.0),
        ("finish", SEEN),
        ("reopen",),
    ]
)
@example(
    steps=[
        ("lease", "one", 0.0, 40.0, 1),
        ("mark_for_purge", 0.0),
        ("exhaust", 50.0),
        ("remove", 1, None, 100.0),
        ("reopen",),
        ("remove_exhausted", 1, (50.0,), 100.0),
        ("exhaust", 50.0),
        ("exhaust_stale", (50.0,), 50.0),
    ]
)
@given(steps=st.lists(image_steps, min_size=4, max_size=12))
def test_the_images_table_equals_the_real_one(client: "DynamoDBClient", steps: list[tuple[Any, ...]]) -> None:
    image_hash = next(FRESH)
    real, fake = image_tables(client)
    for step in steps:
        assert on_image(fake, image_hash, step) == on_image(real, image_hash, step)
        assert fake.get(image_hash) == real.get(image_hash)
        assert candidates(fake, image_hash) == candidates(real, image_hash)
        assert failed(fake, image_hash) == failed(real, image_hash)
    assert fake.get_many([image_hash]) == real.get_many([image_hash])


def on_request(table: Any, image_hash: str, step: tuple[Any, ...]) -> Any:
    if step[0] == "put":
        return table.put(asked(image_hash, step[1], created_at=step[2]))
    if step[0] == "delete":
        found = table.get(f"{step[1]} {image_hash}")
        return table.delete(found, 0.0) if found else None
    image = Image(image_hash, scan=step[2])
    items = [table.get(f"{name} {image_hash}") or asked(image_hash, name) for name in step[1]]
    return table.settle([with_answer(item, {Feature.LABELS: image}, 0.0) for item in items])


def asked(image_hash: str, name: str, created_at: float = 0.0) -> ScanRequest:
    question, key = Question(("cat",), 90.0), f"images/{image_hash}.png"
    return ScanRequest(f"{name} {image_hash}", image_hash, key, question, created_at, created_at + 100)


def swept_ids(table: Any, image_hash: str) -> set[str]:
    swept = (request for page in table.pending_pages(None) for request in page.requests)
    return {request.id for request in swept if request.image_hash == image_hash}


@sequences
@given(hashes=st.lists(st.sampled_from("abc"), min_size=1, unique=True), finished=st.sampled_from("abc"))
def test_claims_of_several_images_equal_the_real_ones(
    client: "DynamoDBClient", hashes: list[str], finished: str
) -> None:
    prefix = next(FRESH)
    tables = image_tables(client)
    claimed = []
    for table in tables:
        table.finish(prefix + finished, SEEN)
        claimed.append([table.claim_requeues([prefix + each for each in hashes], now, 50.0) for now in (50.0, 100.0)])
    assert claimed[0] == claimed[1]


@sequences
@given(steps=st.lists(request_steps, min_size=3, max_size=8))
def test_the_requests_table_equals_the_real_one(client: "DynamoDBClient", steps: list[tuple[Any, ...]]) -> None:
    image_hash = next(FRESH)
    real, fake = requests_table.RequestsTable(client, "requests"), RequestsTable(SequentialSystem().call)
    for step in steps:
        assert on_request(fake, image_hash, step) == on_request(real, image_hash, step)
        assert [fake.find(f"{name} {image_hash}") for name in ("r1", "r2", "r3")] == [
            real.find(f"{name} {image_hash}") for name in ("r1", "r2", "r3")
        ]
        assert {item.id for item in fake.pending_for_image(image_hash)} == {
            item.id for item in real.pending_for_image(image_hash)
        }
        assert swept_ids(fake, image_hash) == swept_ids(real, image_hash)
    every = [f"{name} {image_hash}" for name in ("r1", "r2", "r3")]
    assert fake.get_many(every) == real.get_many(every)
