"""GET /stats"""

import os
import time
from typing import Any

from imagescan.api import http, serializers
from imagescan.api.http import Event, Response
from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.runtime.init import init_once
from imagescan.settings import StatsSettings, from_env


@init_once
def counters() -> CountersTable:
    return CountersTable(clients.dynamodb(), from_env(StatsSettings, os.environ).counters_table)


@http.api
def lambda_handler(_event: Event, _context: Any) -> Response:
    return http.response(200, serializers.stats_body(counters().totals(), now=time.time()))
