"""The functions' structured log: one JSON object a line, without image bytes."""

from aws_lambda_powertools import Logger

# Lambda takes lines whose time has another form for INFO, whatever their level.
logger = Logger(use_rfc3339=True)
