"""The limit of Rekognition calls in a day: what is over it waits for the next day, and is answered then."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from imagescan.domain.image_record import next_day
from imagescan.domain.policy import DAY_SECONDS
from testing.functions import ApiResponse, image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment, clear_settings_cache
from testing.recording_transport import InjectedFault, Killed
from testing.resources import BUCKET, COUNTERS, DEAD_LETTER_QUEUE_URL, QUEUE_URL, REQUESTS

NOON = DAY_SECONDS * 20_000 + DAY_SECONDS / 2
LIMIT = 4


@pytest.fixture
def limited(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    """A world at noon, in which a day may have four calls."""
    with make_environment(DAILY_REKOGNITION_LIMIT=str(LIMIT)) as env:
        env.clock.now = NOON
        yield env


def spend(env: MotoEnvironment, calls: int = LIMIT) -> None:
    for shade in range(calls):
        env.functions.submit(image_bytes(100 + shade))
    env.trigger.deliver_all()


def begin_the_next_day(env: MotoEnvironment) -> None:
    env.pass_time(next_day(env.clock.now) + 1 - env.clock.now)
    env.functions.sweep()
    env.trigger.deliver_all()


def counted(env: MotoEnvironment) -> dict[str, int]:
    """The calls of each day, as the counter has them."""
    return {item["name"]["S"]: int(item["calls"]["N"]) for item in env.resources.items(COUNTERS)}


def posted(env: MotoEnvironment) -> str:
    """The id of a request whose image the scanner has met when no budget was left."""
    spend(env)
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    return request_id


def statuses(env: MotoEnvironment) -> list[str]:
    return sorted(request["status"] for request in env.requests())


def when(answer: ApiResponse, key: str) -> float:
    return datetime.fromisoformat(answer.body[key]).timestamp()


def test_a_limit_costs_a_scan_one_call_more(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.reset()
    limited.trigger.deliver_all()
    assert limited.transport.calls[:5] == ["UpdateItem", "HeadObject", "UpdateItem", "DetectLabels", "UpdateItem"]
    assert len(limited.transport.calls) == 7
    assert counted(limited) == {f"calls#{datetime.fromtimestamp(NOON, UTC):%Y-%m-%d}": 1}


def test_ten_at_once_make_as_many_calls_as_are_left_and_the_others_wait(limited: MotoEnvironment) -> None:
    for shade in range(10):
        limited.functions.submit(image_bytes(shade))
    assert limited.trigger.deliver() == 10
    assert limited.detector.calls.total() == LIMIT
    assert statuses(limited) == ["completed"] * LIMIT + ["pending"] * 6
    assert limited.resources.depth(QUEUE_URL) == limited.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def test_each_day_has_its_own_calls(limited: MotoEnvironment) -> None:
    for shade in range(10):
        limited.functions.submit(image_bytes(shade))
    limited.trigger.deliver_all()
    for done in (8, 10):
        begin_the_next_day(limited)
        assert limited.detector.calls.total() == done
    assert statuses(limited) == ["completed"] * 10
    assert sorted(counted(limited).values()) == [2, 4, 4]


def test_while_it_waits_the_answer_says_until_when(limited: MotoEnvironment) -> None:
    answer = limited.functions.get(posted(limited))
    midnight = next_day(NOON)
    assert (answer.body["status"], answer.headers["Retry-After"]) == ("pending", "300")
    assert f"{datetime.fromtimestamp(midnight, UTC):%Y-%m-%d} (UTC)" in answer.body["message"]
    assert when(answer, "deadline") == midnight + 60 * MINUTE


def test_whoever_asks_about_an_image_that_waits_is_told_so_at_once(limited: MotoEnvironment) -> None:
    posted(limited)
    answer = limited.functions.submit(image_bytes())
    assert (answer.status, answer.headers["Retry-After"]) == (202, "300")
    assert "waits for the budget" in answer.body["message"]


def test_a_request_outlives_its_first_deadline_while_its_image_waits(limited: MotoEnvironment) -> None:
    request_id = posted(limited)
    limited.pass_time(90 * MINUTE)
    swept = limited.functions.sweep()
    assert [swept[did] for did in ("waiting", "overdue", "settled", "requeued")] == [1, 0, 0, 0]
    waiting = limited.functions.get(request_id)
    begin_the_next_day(limited)
    answer = limited.functions.get(request_id)
    assert (waiting.body["status"], answer.body["status"]) == ("pending", "completed")
    assert answer.body["deadline"] == waiting.body["deadline"]


def test_a_request_whose_image_is_gone_the_next_day_times_out_in_the_end(limited: MotoEnvironment) -> None:
    request_id = posted(limited)
    limited.resources.s3.delete_object(Bucket=BUCKET, Key=f"images/{hash_of(image_bytes())}.png")
    limited.pass_time(next_day(NOON) + 81 * MINUTE - NOON)
    limited.functions.sweep()
    answer = limited.functions.get(request_id)
    assert (answer.body["status"], answer.body["failure"]["code"]) == ("failed", "timed_out")
    assert when(answer, "completed_at") == when(answer, "deadline") == next_day(NOON) + 60 * MINUTE
    assert limited.resources.items(REQUESTS, index="pending_by_image") == []


@pytest.mark.parametrize(
    "error", [(400, "ThrottlingException"), (400, "AccessDeniedException"), (500, "InternalServerError")]
)
def test_a_refused_call_does_not_count(limited: MotoEnvironment, error: tuple[int, str]) -> None:
    limited.functions.submit(image_bytes())
    limited.detector.errors.append(error)
    limited.trigger.deliver()
    assert list(counted(limited).values()) == [0]


def test_a_call_whose_answer_was_lost_counts(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.inject({3: InjectedFault.RESPONSE_LOST})
    limited.trigger.deliver()
    assert limited.transport.calls[3] == "DetectLabels"
    assert list(counted(limited).values()) == [1]


def test_a_count_whose_answer_was_lost_is_not_sent_again(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.inject({2: InjectedFault.RESPONSE_LOST})
    limited.trigger.deliver()
    assert list(counted(limited).values()) == [1]
    assert limited.detector.calls.total() == 0
    assert limited.resources.depth(QUEUE_URL) == 1


def test_a_limit_that_is_raised_holds_for_whoever_comes_next(make_environment: MakeEnvironment) -> None:
    with make_environment(DAILY_REKOGNITION_LIMIT="1") as env:
        spend(env, 1)
        env.functions.submit(image_bytes())
        env.trigger.deliver_all()
        assert statuses(env) == ["completed", "pending"]
        env.functions.overrides["DAILY_REKOGNITION_LIMIT"] = "2"
        clear_settings_cache()
        env.functions.submit(image_bytes())
        env.trigger.deliver_all()
        assert statuses(env) == ["completed"] * 3


CALLS_OF_A_WAIT = ("lease", "look", "take", "put off")


@pytest.mark.parametrize("fault", InjectedFault)
@pytest.mark.parametrize("position", range(len(CALLS_OF_A_WAIT)), ids=CALLS_OF_A_WAIT)
def test_no_request_is_lost_whichever_call_of_a_wait_goes_wrong(
    limited: MotoEnvironment, position: int, fault: InjectedFault
) -> None:
    spend(limited)
    limited.functions.submit(image_bytes())
    limited.transport.inject({position: fault})
    with suppress(Killed):
        limited.trigger.deliver_all()
    limited.pass_time(6 * MINUTE)
    limited.trigger.deliver_all()
    assert (statuses(limited), limited.detector.calls.total()) == (["completed"] * LIMIT + ["pending"], LIMIT)
    begin_the_next_day(limited)
    assert (statuses(limited), limited.detector.calls.total()) == (["completed"] * (LIMIT + 1), LIMIT + 1)
    assert limited.resources.depth(QUEUE_URL) == limited.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def test_the_images_that_wait_are_counted_for_the_alarm(
    limited: MotoEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    posted(limited)
    assert '"Limited":[1' in capsys.readouterr().out.replace(" ", "")
