"""The tables, for a function that stores no request and so need not know how long they are kept."""

import os
from typing import Any

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers.start import once
from imagescan.settings import TablesSettings, from_env


@once
def tables() -> dict[str, Any]:
    names = from_env(TablesSettings, os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
    }
