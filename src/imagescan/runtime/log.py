"""Structured log of the functions: one JSON object per line, without image bytes."""

from aws_lambda_powertools import Logger

# Lambda treats lines with another time format as INFO, whatever their level. Messages are never JSON, and trying to
# parse each of them takes a tenth of the time of a line.
logger = Logger(use_rfc3339=True, utc=True, json_deserializer=str)
