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
    has_more = False
    try:
        async for request in find_requests(client, query, None if limit is None else limit + 1):
            if len(shown) == limit:
                has_more = True
                break
            shown.append(request)
            if output.as_json:
                output.show(request)
    except ApiError as error:
        output.show(failed_request(error.code, error.message))
        return ExitCode.FAILED
    if not output.as_json:
        for line in format_requests(shown, now=time.time(), width=output.width):
            output.print(line)
    if has_more:
        output.note(f"Only the newest {limit:,} requests are listed. Use --limit N or --all for more.")
    return ExitCode.ACCEPTED


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
