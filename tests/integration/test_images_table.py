from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.domain.image_record import Failure, Image, Possession, PossessionKey, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.match import Box
from imagescan.domain.policy import ITEM_MARGIN_SECONDS
from testing.moto_environment import MotoEnvironment
from testing.recording_transport import InjectedFault
from testing.resources import IMAGES

HASH, OTHER = "ab" * 32, "cd" * 32
LABELS = (
    Label("Cat", 97.3125, ("Animal", "Mammal"), ("Feline",), ("Animals and Pets",), (Box(0.1, 0.2, 0.3, 0.4, 96.5),)),
    Label("Füßgänger 猫", 25.0),
)
COMPLETED = Scan(Status.COMPLETED, 1010.25, LABELS, "3.0", scanned_for="a-request")
FAILED = Scan(Status.FAILED, 1020.0, failure=Failure("image_invalid", "It cannot be read."))
MAX_ATTEMPTS = 5


@pytest.fixture
def images(env: MotoEnvironment) -> ImagesTable:
    assert env.resources.items(IMAGES) == []
    return ImagesTable(clients.dynamodb(), IMAGES)


def stored(written_at: float, **attributes: Any) -> Image:
    """Return the item of the image after a last write at that time."""
    return Image(HASH, expires_at=int(written_at) + ITEM_MARGIN_SECONDS, **attributes)


def lease(images: ImagesTable, owner: str, now: float = 1000, until: float = 1090) -> bool:
    return images.lease(HASH, owner, now, until, MAX_ATTEMPTS).granted


@pytest.mark.parametrize("scan", [COMPLETED, FAILED, Scan(Status.COMPLETED, 1.5, model_version="3.0")])
def test_a_scan_is_read_as_written(images: ImagesTable, scan: Scan) -> None:
    expected = stored(scan.finished_at, scan=scan)
    assert images.finish(HASH, scan) == expected
    assert images.get(HASH) == expected


def test_an_unknown_image_has_no_item(images: ImagesTable) -> None:
    assert images.get(HASH) is None
    assert images.get_many([HASH, OTHER]) == {}


def test_get_many_reads_100_items(images: ImagesTable) -> None:
    hashes = [f"{number:064x}" for number in range(100)]
    for image_hash in hashes:
        images.claim_requeues([image_hash], 1000, 0)
    assert set(images.get_many(hashes)) == set(hashes)


def test_only_one_owner_holds_a_lease(images: ImagesTable) -> None:
    assert lease(images, "first")
    refused = images.lease(HASH, "second", 1000, 1090, MAX_ATTEMPTS)
    assert not refused.granted
    assert refused.image == stored(1000, first_leased_at=1000, attempts=1, lease_until=1090)


@pytest.mark.parametrize(("now", "granted"), [(1089.9, False), (1090, False), (1090.1, True)])
def test_an_expired_lease_is_available(images: ImagesTable, now: float, granted: bool) -> None:
    lease(images, "first", until=1090)
    assert lease(images, "second", now) is granted


def test_a_lease_that_the_sdk_retries_counts_as_one_attempt(images: ImagesTable, env: MotoEnvironment) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    granted = images.lease(HASH, "first", 1000, 1090, MAX_ATTEMPTS)
    assert env.transport.calls == ["UpdateItem", "UpdateItem"]
    assert granted.granted
    assert granted.image.attempts == 1


def test_an_image_is_leased_at_most_max_attempts_times(images: ImagesTable) -> None:
    assert [lease(images, f"owner {number}", now=1000.0 + 100 * number) for number in range(MAX_ATTEMPTS + 1)] == [
        *[True] * MAX_ATTEMPTS,
        False,
    ]


@pytest.mark.parametrize(("refund", "attempts"), [(True, 0), (False, 1)])
def test_a_released_image_can_be_leased_immediately(images: ImagesTable, refund: bool, attempts: int) -> None:
    lease(images, "first")
    images.release(HASH, "first", refund=refund)
    assert images.get(HASH) == stored(1000, first_leased_at=1000, attempts=attempts)
    assert lease(images, "second")


def test_a_release_does_not_affect_the_lease_of_another_owner(images: ImagesTable) -> None:
    lease(images, "first")
    lease(images, "second", now=1100, until=1190)
    images.release(HASH, "first", refund=True)
    assert images.get(HASH) == stored(1100, first_leased_at=1000, attempts=2, lease_until=1190)


def test_a_deferred_image_is_available_and_holds_the_deferral_times(images: ImagesTable) -> None:
    lease(images, "first")
    assert images.defer(HASH, "first", 1000.25)
    assert images.get(HASH) == stored(1000, first_leased_at=1000, deferred_at=(1000.25,))
    assert lease(images, "second")
    assert images.defer(HASH, "second", 90_000)
    assert images.get(HASH) == stored(1000, first_leased_at=1000, deferred_at=(1000.25, 90_000))


@pytest.mark.parametrize("finished", [True, False])
def test_an_image_that_another_owner_leased_is_not_deferred(images: ImagesTable, finished: bool) -> None:
    lease(images, "first")
    lease(images, "second", now=1100, until=1190)
    if finished:
        images.finish(HASH, COMPLETED)
    before = images.get(HASH)
    assert not images.defer(HASH, "first", 1000)
    assert images.get(HASH) == before


def test_an_unknown_image_is_not_deferred(images: ImagesTable) -> None:
    assert not images.defer(HASH, "first", 1000)


def test_a_deferral_with_a_lost_response_takes_effect(images: ImagesTable, env: MotoEnvironment) -> None:
    lease(images, "first")
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    assert images.defer(HASH, "first", 1000)
    assert env.transport.calls == ["UpdateItem", "UpdateItem"]


def test_the_first_terminal_write_stays(images: ImagesTable) -> None:
    lease(images, "first")
    images.finish(HASH, COMPLETED)
    existing = images.finish(HASH, FAILED)
    assert existing == images.get(HASH) == stored(1010, first_leased_at=1000, attempts=1, scan=COMPLETED)


def test_a_terminal_write_with_a_lost_response_returns_its_item(images: ImagesTable, env: MotoEnvironment) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    assert images.finish(HASH, COMPLETED).scan == COMPLETED


def test_a_terminal_image_is_not_leased_again(images: ImagesTable) -> None:
    images.finish(HASH, COMPLETED)
    existing = images.lease(HASH, "first", 9000, 9090, MAX_ATTEMPTS)
    assert not existing.granted
    assert existing.image.scan == COMPLETED


@pytest.mark.parametrize(
    ("now", "requeued_before", "claimed"),
    [(1000, 400, False), (1599, 999, False), (1600, 1000, False), (1601, 1001, True)],
)
def test_a_requeue_is_claimed_once_per_delay(
    images: ImagesTable,
    now: float,
    requeued_before: float,
    claimed: bool,
) -> None:
    assert images.claim_requeues([HASH], 1000, 400)
    assert images.claim_requeues([HASH], now, requeued_before) == [HASH] * claimed


def test_a_claim_leaves_a_terminal_image_as_it_is(images: ImagesTable) -> None:
    images.finish(HASH, COMPLETED)
    assert images.claim_requeues([HASH], 9000, 8400) == [HASH]
    found = images.get(HASH)
    assert found
    assert (found.scan, found.requeued_at) == (COMPLETED, 9000)


def test_a_claim_with_a_lost_response_is_left_to_the_next_sweep(images: ImagesTable, env: MotoEnvironment) -> None:
    env.transport.inject({0: InjectedFault.RESPONSE_LOST})
    assert not images.claim_requeues([HASH], 1000, 400)
    assert images.claim_requeues([HASH], 1601, 1001)


def test_a_claim_does_not_affect_the_lease(images: ImagesTable) -> None:
    lease(images, "first")
    images.claim_requeues([HASH], 1000, 400)
    assert images.get(HASH) == stored(1000, first_leased_at=1000, attempts=1, lease_until=1090, requeued_at=1000)


def test_100_claims_take_one_call(images: ImagesTable, env: MotoEnvironment) -> None:
    hashes = [f"{number:064x}" for number in range(100)]
    assert images.claim_requeues(hashes, 1000, 400) == hashes
    assert env.transport.calls == ["TransactWriteItems"]
    assert all(image.requeued_at == 1000 for image in images.get_many(hashes).values())


def test_images_that_cannot_be_claimed_do_not_prevent_other_claims(images: ImagesTable, env: MotoEnvironment) -> None:
    requeued, due, unknown = (f"{number:064x}" for number in range(3))
    images.claim_requeues([requeued], 1000, 400)
    images.claim_requeues([due], 500, 0)
    env.transport.reset()
    assert images.claim_requeues([requeued, due, unknown], 1200, 600) == [due, unknown]
    assert env.transport.calls == ["TransactWriteItems"] + ["UpdateItem"] * 3
    assert images.claim_requeues([due, unknown], 1200, 600) == []


def test_no_images_take_no_call(images: ImagesTable, env: MotoEnvironment) -> None:
    assert images.claim_requeues([], 1000, 400) == []
    assert env.transport.calls == []


def test_a_possession_keeps_its_first_time_and_is_counted_in_the_item_of_its_image_first(
    images: ImagesTable, env: MotoEnvironment
) -> None:
    first, second = Possession("ann", HASH, 10.0, "r1"), Possession("ann", HASH, 20.0, "r2")
    env.transport.reset()
    images.grant(first)
    assert env.transport.calls == ["UpdateItem", "PutItem"]
    images.grant(second)
    assert images.possessions([first.key, PossessionKey("bob", HASH)]) == {
        first.key: first._replace(expires_at=10 + ITEM_MARGIN_SECONDS)
    }
    found = images.get(HASH)
    assert found
    assert (found.granted_at, found.purge_guard) == (20.0, 2)


def test_an_image_that_got_a_new_owner_since_it_was_read_is_not_removed(images: ImagesTable) -> None:
    images.mark_for_purge(HASH, 0)
    read = images.get(HASH)
    assert read
    images.grant(Possession("bob", HASH, 10.0, "r1"))
    assert not images.remove([read], 2000)
