"""The entries of POST /scanrequests, each with a result of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from imagescan import answer
from imagescan.errors import Rejected
from imagescan.handlers import bodies, http, results
from imagescan.handlers.log import logger
from imagescan.submit import Submitted

AT_ONCE = 10

type Entry = dict[str, Any]
type Accept = Callable[[bodies.SubmitBody, str | None], Submitted]


def each_by_itself(entries: Sequence[Entry], key: str | None, accept: Accept) -> list[Submitted | Rejected]:
    """What became of each entry, in order. One without a key of its own is known by ``key``, if any, and its place."""
    keys = [key and f"{key}\n{at}" for at in range(len(entries))]  # no key that is sent has a line's end in it
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda entry, its_key: _accepted(entry, its_key, accept), entries, keys))


def told(result: Submitted | Rejected) -> dict[str, Any]:
    """What the client reads of it."""
    if isinstance(result, Rejected):
        return results.refused(result)
    return results.told(status_of(result), answer.entry(result.request, result.image, result.upload))


def status_of(submitted: Submitted) -> HTTPStatus:
    """200 for what is answered, 202 for what is to be."""
    return HTTPStatus.OK if submitted.request.answer else HTTPStatus.ACCEPTED


def _accepted(entry: Entry, key: str | None, accept: Accept) -> Submitted | Rejected:
    try:
        sent = bodies.read_entry(entry)
        return accept(sent, sent.idempotency_key or key)
    except Rejected as error:
        return error
    except Exception:  # noqa: BLE001 - what breaks for one entry must not hide that others were accepted
        logger.exception("broken")
        return http.BROKEN
