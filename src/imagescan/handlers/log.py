"""The functions' structured log: one JSON object a line, without image bytes."""

from aws_lambda_powertools import Logger

logger = Logger()
