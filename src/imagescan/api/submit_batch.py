"""The entries of POST /scanrequests, each with its own result."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from imagescan.api import batch_results, http, request_models, serializers
from imagescan.api.request_factory import Submission, create_request
from imagescan.domain.errors import ApiError
from imagescan.runtime.log import logger
from imagescan.use_cases.submit_request import SubmitResult

ENTRY_CONCURRENCY = 10

type Entry = dict[str, Any]


def submit_entries(entries: Sequence[Entry], key: str | None, submission: Submission) -> list[SubmitResult | ApiError]:
    """Submit each entry and return the results in order.

    An entry without its own idempotency key uses ``key``, if there is one, and its index.
    """
    keys = [key and f"{key}\n{at}" for at in range(len(entries))]  # a key that a client sends contains no line break
    with ThreadPoolExecutor(ENTRY_CONCURRENCY) as pool:
        return list(pool.map(lambda entry, entry_key: _submit_entry(entry, entry_key, submission), entries, keys))


def to_result(result: SubmitResult | ApiError, now: float) -> batch_results.BatchItemResult:
    """Return the result of one entry as clients see it at ``now``, in seconds since the epoch."""
    if isinstance(result, ApiError):
        return batch_results.failure(result)
    body = serializers.batch_entry_body(result.request, result.items, result.upload, now=now)
    return batch_results.success(http_status_for_submission(result), body)


def http_status_for_submission(result: SubmitResult) -> HTTPStatus:
    """Return 200 for an answered request, and 202 for a pending one."""
    return HTTPStatus.OK if result.request.answer else HTTPStatus.ACCEPTED


def _submit_entry(entry: Entry, key: str | None, submission: Submission) -> SubmitResult | ApiError:
    try:
        body = request_models.read_entry(entry)
        return create_request(body, body.idempotency_key or key, submission)
    except ApiError as error:
        return error
    except Exception:  # noqa: BLE001 - one entry that fails must not hide that others were accepted
        logger.exception("unhandled_error")
        return http.INTERNAL_ERROR
