"""GET /stats"""

import os
import time
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.handlers import http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.start import once
from imagescan.settings import StatsSettings, from_env


@once
def counters() -> CountersTable:
    return CountersTable(clients.dynamodb(), from_env(StatsSettings, os.environ).counters_table)


@http.api
def lambda_handler(_event: Event, _context: Any) -> Response:
    return http.response(200, answer.stats(counters().totals(), now=time.time()))
