"""Requests in a list, the newest first."""

import sys
from collections.abc import AsyncIterator, Mapping

from imagescan_cli.answers import Answer, Exit, failed
from imagescan_cli.output import Output
from imagescan_cli.service import Refused, Service

MOST_TO_A_PAGE = 100


async def list_all(service: Service, query: Mapping[str, str], output: Output, *, most: int | None) -> Exit:
    """Shows the requests that a query finds, ``most`` of them where that is a number."""
    try:
        async for answer in found(service, query, most):
            output.show(answer)
    except Refused as refused:
        output.show(failed(refused.code, refused.message))
        return Exit.FAILED
    return Exit.TAKEN


async def found(service: Service, query: Mapping[str, str], most: int | None) -> AsyncIterator[Answer]:
    """The requests that a query finds; a page is read when it is wanted. A page may be empty and not the last."""
    left, cursor = sys.maxsize if most is None else most, ""
    while left:
        at = {"cursor": cursor} if cursor else {}
        page = await service.page({**query, **at, "limit": str(min(left, MOST_TO_A_PAGE))})
        for answer in page["requests"]:
            yield answer
        left -= len(page["requests"])
        cursor = page["cursor"]
        if not cursor:
            break
