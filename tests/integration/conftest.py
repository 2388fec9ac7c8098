"""Fixtures that run the functions on moto, with the resources of the template, the SDK clients and fake services."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any

import pytest

from imagescan.runtime.log import logger
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import MakeEnvironment, Sdk, attached_sdk, moto_environment


@pytest.fixture(scope="package")
def sdk() -> Iterator[Sdk]:
    """Provide the SDK clients that all tests share."""
    with attached_sdk() as sdk:
        yield sdk


@pytest.fixture
def make_environment(sdk: Sdk) -> MakeEnvironment:
    """Return a factory of environments for tests that need several. Its arguments override environment variables."""
    return partial(moto_environment, sdk)


@pytest.fixture
def env(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    """Provide the functions with empty resources."""
    with make_environment() as env:
        yield env


@pytest.fixture
def log() -> Iterator["Log"]:
    """Provide the log of the functions during the test."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logging.getLogger(logger.name).addHandler(handler)
    yield Log(stream)
    logging.getLogger(logger.name).removeHandler(handler)


class Log:
    """The structured log."""

    def __init__(self, stream: StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        """Return the log as it was written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return one object per line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def messages(self, message: str) -> list[dict[str, Any]]:
        """Return the lines with this message."""
        return [line for line in self.lines if line["message"] == message]
