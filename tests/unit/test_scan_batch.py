import threading
from dataclasses import replace

import pytest

from imagescan.domain.feature import Feature
from imagescan.domain.policy import LEASE_SECONDS
from imagescan.domain.scan_message import ScanMessage
from imagescan.use_cases.scan_batch import LONG_LEASED_DELAY_SECONDS, REQUEST_DELAY_SECONDS, MessageResult, scan_batch
from imagescan.use_cases.scan_image import MAX_DELAY_SECONDS, Outcome, OutcomeKind


def key(number: int) -> str:
    return f"images/{number:064x}.jpg"


def message(name: str, *numbers: int, receives: int = 1, error: str | None = None) -> ScanMessage:
    return ScanMessage(name, f"receipt of {name}", receives, tuple(key(number) for number in numbers), error)


def messages_for(*numbers: int) -> list[ScanMessage]:
    return [message(f"m{at}", number) for at, number in enumerate(numbers)]


def scanned(object_key: str) -> list[Outcome]:
    return [Outcome(object_key, OutcomeKind.SCANNED)]


def test_equal_images_of_a_batch_are_scanned_once_for_all_their_messages() -> None:
    calls: list[str] = []

    def scan(object_key: str) -> list[Outcome]:
        calls.append(object_key)
        return scanned(object_key)

    results = scan_batch(messages_for(1, 2, 1, 1), scan)
    assert sorted(calls) == [key(1), key(2)]
    assert [[outcome.key for outcome in result.outcomes] for result in results] == [
        [key(1)],
        [key(2)],
        [key(1)],
        [key(1)],
    ]
    assert all(result.is_done for result in results)


def test_the_images_of_a_batch_are_scanned_concurrently() -> None:
    barrier = threading.Barrier(10)

    def scan(object_key: str) -> list[Outcome]:
        barrier.wait(timeout=5)  # raises an error unless all ten arrive
        return scanned(object_key)

    results = scan_batch(messages_for(*range(10)), scan)
    assert [outcome.kind for result in results for outcome in result.outcomes] == [OutcomeKind.SCANNED] * 10


def test_an_error_of_one_image_does_not_affect_the_others() -> None:
    def scan(object_key: str) -> list[Outcome]:
        if object_key == key(2):
            raise RuntimeError("scan failed")
        return scanned(object_key)

    results = scan_batch(messages_for(1, 2, 3), scan)
    assert [result.is_done for result in results] == [True, False, True]
    assert isinstance(results[1].outcomes[0].error, RuntimeError)


def test_a_message_is_done_only_when_all_its_images_are_done() -> None:
    kinds = {key(1): OutcomeKind.SCANNED, key(2): OutcomeKind.TRANSIENT_ERROR}
    [result] = scan_batch([message("m", 1, 2)], lambda object_key: [Outcome(object_key, kinds[object_key])])
    assert (len(result.outcomes), result.is_done) == (2, False)


def test_a_malformed_message_is_retried_without_delay_and_never_scanned() -> None:
    calls: list[str] = []

    def scan(object_key: str) -> list[Outcome]:
        calls.append(object_key)
        return scanned(object_key)

    [result] = scan_batch([message("m", error="the message is not JSON", receives=3)], scan)
    assert (result.is_done, result.delay_seconds, result.message.error) == (False, 0, "the message is not JSON")
    assert calls == []


def test_a_message_without_images_is_done() -> None:
    [result] = scan_batch([message("m")], scanned)
    assert result.is_done


@pytest.mark.parametrize(("receives", "delay"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (9, MAX_DELAY_SECONDS)])
def test_the_delay_after_a_transient_error_grows_exponentially_up_to_a_maximum(receives: int, delay: int) -> None:
    result = MessageResult(message("m", 1, receives=receives), (Outcome(key(1), OutcomeKind.TRANSIENT_ERROR),))
    assert result.delay_seconds == delay


def leased(receives: int) -> MessageResult:
    return MessageResult(message("m", 1, receives=receives), (Outcome(key(1), OutcomeKind.LEASED),))


def test_a_message_for_a_leased_image_is_retried_soon() -> None:
    assert leased(1).delay_seconds == 10


def test_the_delays_of_a_message_outlast_the_lease_of_a_delivery_that_died() -> None:
    """Otherwise the message would become a dead letter although nothing was wrong with it."""
    deliveries_before_the_last = range(1, 5)
    assert sum(leased(receives).delay_seconds for receives in deliveries_before_the_last) > LEASE_SECONDS


# ---------------------------------------------------------------- several features


def of_features(*outcomes: Outcome, receives: int = 2) -> MessageResult:
    """Return the result of a message whose image has these outcomes, one per feature."""
    by_feature = tuple(replace(each, feature=feature) for each, feature in zip(outcomes, Feature, strict=False))
    return MessageResult(message("m", 1, receives=receives), by_feature)


SCANNED, DEFERRED, LEASED, TRANSIENT, MISSING = (
    Outcome(key(1), kind)
    for kind in (
        OutcomeKind.SCANNED,
        OutcomeKind.DEFERRED,
        OutcomeKind.LEASED,
        OutcomeKind.TRANSIENT_ERROR,
        OutcomeKind.REQUEST_MISSING,
    )
)


def backing_off(seconds: float) -> Outcome:
    return Outcome(key(1), OutcomeKind.BACKING_OFF, wait_seconds=seconds)


@pytest.mark.parametrize(
    ("outcomes", "is_done"),
    [
        ((SCANNED, SCANNED, SCANNED), True),
        ((SCANNED, DEFERRED, backing_off(MAX_DELAY_SECONDS + 1)), True),
        ((SCANNED, LEASED, SCANNED), False),
        ((SCANNED, SCANNED, TRANSIENT), False),
        ((SCANNED, backing_off(60), SCANNED), False),
    ],
)
def test_a_message_is_done_only_when_all_features_of_its_image_are_done(
    outcomes: tuple[Outcome, ...], is_done: bool
) -> None:
    assert of_features(*outcomes).is_done is is_done


@pytest.mark.parametrize(
    ("outcomes", "delay"),
    [
        ((SCANNED, LEASED), LONG_LEASED_DELAY_SECONDS),
        ((LEASED, LEASED), LONG_LEASED_DELAY_SECONDS),
        ((SCANNED, TRANSIENT), 20),
        ((LEASED, TRANSIENT), 20),
        ((SCANNED, backing_off(60.2)), 61),
        ((backing_off(60), backing_off(40)), 40),
        ((backing_off(60), TRANSIENT), 20),
        ((backing_off(MAX_DELAY_SECONDS + 60), TRANSIENT), 20),  # the sweeper enqueues the first feature
        ((MISSING,), 2 * REQUEST_DELAY_SECONDS),
    ],
)
def test_the_delay_is_that_of_the_features_that_are_not_done(outcomes: tuple[Outcome, ...], delay: int) -> None:
    assert of_features(*outcomes).delay_seconds == delay
