import threading

import pytest

from imagescan.aws.s3_events import s3_event_message
from imagescan.domain.policy import LEASE_SECONDS
from imagescan.domain.scan_message import ScanMessage
from imagescan.use_cases.scan_batch import MAX_DELAY_SECONDS, MessageResult, scan_batch
from imagescan.use_cases.scan_image import Outcome, OutcomeKind


def key(number: int) -> str:
    return f"images/{number:064x}.jpg"


def message(name: str, body: str, receives: int = 1) -> ScanMessage:
    return ScanMessage(name, f"receipt of {name}", body, receives)


def announcing(*numbers: int) -> list[ScanMessage]:
    return [message(f"m{at}", s3_event_message(key(number))) for at, number in enumerate(numbers)]


def done(name: str) -> Outcome:
    return Outcome(name, OutcomeKind.SCANNED)


def test_equal_images_in_a_batch_are_scanned_once_and_answer_every_message() -> None:
    calls: list[str] = []

    def scan(name: str) -> Outcome:
        calls.append(name)
        return done(name)

    judged = scan_batch(announcing(1, 2, 1, 1), scan)
    assert sorted(calls) == [key(1), key(2)]
    assert all(each.is_done for each in judged)


def test_the_images_of_a_batch_are_scanned_at_the_same_time() -> None:
    together = threading.Barrier(10)

    def scan(name: str) -> Outcome:
        together.wait(timeout=5)  # breaks unless all ten are there
        return done(name)

    judged = scan_batch(announcing(*range(10)), scan)
    assert [outcome.result for each in judged for outcome in each.outcomes] == [OutcomeKind.SCANNED] * 10


def test_one_image_that_breaks_takes_no_other_with_it() -> None:
    def scan(name: str) -> Outcome:
        if name == key(2):
            raise RuntimeError("broken")
        return done(name)

    judged = scan_batch(announcing(1, 2, 3), scan)
    assert [each.is_done for each in judged] == [True, False, True]
    assert isinstance(judged[1].outcomes[0].error, RuntimeError)


def test_a_message_is_done_only_when_all_its_images_are() -> None:
    several = message("m", s3_event_message(key(1)).replace("]}", "," + s3_event_message(key(2))[13:]))
    results = {key(1): OutcomeKind.SCANNED, key(2): OutcomeKind.TRANSIENT_ERROR}
    [judged] = scan_batch([several], lambda name: Outcome(name, results[name]))
    assert (len(judged.outcomes), judged.is_done) == (2, False)


def test_poison_is_given_back_at_once_with_its_reason_and_never_scanned() -> None:
    [judged] = scan_batch([message("m", "not JSON")], done)
    assert (judged.is_done, judged.delay_seconds, judged.poison) == (False, 0, "the message is not JSON")


def test_a_message_with_nothing_to_do_is_done() -> None:
    [judged] = scan_batch([message("m", '{"Event": "s3:TestEvent"}')], done)
    assert judged.is_done


@pytest.mark.parametrize(("receives", "delay"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (9, MAX_DELAY_SECONDS)])
def test_a_busy_detector_is_asked_again_later_and_later(receives: int, delay: int) -> None:
    judged = MessageResult(message("m", "", receives), (Outcome(key(1), OutcomeKind.TRANSIENT_ERROR),))
    assert judged.delay_seconds == delay


def held(receives: int) -> MessageResult:
    return MessageResult(message("m", "", receives), (Outcome(key(1), OutcomeKind.LEASED),))


def test_an_image_held_by_another_comes_again_soon() -> None:
    assert held(1).delay_seconds == 10


def test_a_message_outlasts_the_lease_of_a_delivery_that_died() -> None:
    """Otherwise it would be a dead letter, although nothing was wrong with it."""
    deliveries_before_the_last = range(1, 5)
    assert sum(held(receives).delay_seconds for receives in deliveries_before_the_last) > LEASE_SECONDS
