"""The collaborators that several functions share, created once per execution environment.

This is the one module of the API layer that knows the adapters.
"""

import os
from typing import NamedTuple

from imagescan.aws import clients
from imagescan.aws.daily_quota import DailyQuota
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.runtime.init import init_once
from imagescan.settings import SubmitSettings, TableSettings, from_env


class Tables(NamedTuple):
    images: ImagesTable
    requests: RequestsTable


@init_once
def tables() -> Tables:
    names = from_env(TableSettings, os.environ)
    return Tables(
        ImagesTable(clients.dynamodb(), names.images_table, names.retention_seconds),
        RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
    )


def caller_quota(names: SubmitSettings, caller: str | None) -> DailyQuota | None:
    """Return the quota of the caller. Without a limit, a submission makes no call to count it."""
    if not names.daily_limit_per_caller or caller is None:
        return None
    counter, limit = f"submissions#{caller}", names.daily_limit_per_caller
    return DailyQuota(clients.dynamodb_no_retry(), names.counters_table, limit, counter)
