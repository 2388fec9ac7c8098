"""Listing of requests, newest first."""

import sys
import time
from collections.abc import AsyncIterator, Mapping

from imagescan_cli.api_client import ApiClient
from imagescan_cli.errors import ApiError
from imagescan_cli.exit_codes import ExitCode
from imagescan_cli.output import Output
from imagescan_cli.schemas import RequestJson, failed_request
from imagescan_cli.tables import format_requests

MAX_PAGE_SIZE = 100


async def list_all(client: ApiClient, query: Mapping[str, str], output: Output, *, limit: int | None) -> ExitCode:
    """Print the requests that match a query, at most ``limit``, and note if there are more. None means all."""
    shown: list[RequestJson] = []
    try:
        async for request in find_requests(client, query, _one_more_than(limit)):
            shown.append(request)
            if output.as_json and len(shown) != _one_more_than(limit):
                output.show(request)
    except ApiError as error:
        output.show(failed_request(error.code, error.message))
        return ExitCode.FAILED
    if not output.as_json:
        for line in format_requests(shown[:limit], now=time.time(), width=output.width):
            output.print(line)
    if not shown:
        output.note("No requests found.")
    if len(shown) == _one_more_than(limit):
        output.note(f"Only the newest {limit:,} requests are listed. Use --limit N or --all for more.")
    return ExitCode.ACCEPTED


def _one_more_than(limit: int | None) -> int | None:
    """Return the number of requests that shows that there are more than ``limit``."""
    return None if limit is None else limit + 1


async def find_requests(client: ApiClient, query: Mapping[str, str], limit: int | None) -> AsyncIterator[RequestJson]:
    """Yield the requests that match a query and fetch pages on demand. A page may be empty without being the last."""
    remaining, cursor = sys.maxsize if limit is None else limit, ""
    while remaining:
        position = {"cursor": cursor} if cursor else {}
        page = await client.list_page({**query, **position, "limit": str(min(remaining, MAX_PAGE_SIZE))})
        for request in page["requests"]:
            yield request
        remaining -= len(page["requests"])
        cursor = page["next_cursor"]
        if not cursor:
            break
