"""The collaborators that several functions share, created once per execution environment.

This is the one module of the API layer that knows the adapters.
"""

import os
from typing import NamedTuple

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.runtime.init import init_once
from imagescan.settings import TableSettings, from_env


class Tables(NamedTuple):
    """The tables, for functions that store no request and need not know how long requests are kept."""

    images: ImagesTable
    requests: RequestsTable


@init_once
def tables() -> Tables:
    names = from_env(TableSettings, os.environ)
    return Tables(
        ImagesTable(clients.dynamodb(), names.images_table), RequestsTable(clients.dynamodb(), names.requests_table)
    )
