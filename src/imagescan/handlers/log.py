"""The functions' structured log: one JSON object a line, without image bytes."""

from aws_lambda_powertools import Logger

# Lambda takes lines whose time has another form for INFO, whatever their level. No message is JSON: looking for some
# in each takes a tenth of a line's time.
logger = Logger(use_rfc3339=True, utc=True, json_deserializer=str)
