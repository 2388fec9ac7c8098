"""The functions on moto: the template's resources, the SDK's own clients, and a double of Rekognition."""

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
    """The clients, which all tests share."""
    with attached_sdk() as made:
        yield made


@pytest.fixture
def make_environment(sdk: Sdk) -> MakeEnvironment:
    """Makes a world of its own each time, for tests that need many; what they are given overrides the environment."""
    return partial(moto_environment, sdk)


@pytest.fixture
def world(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    """The functions and all they need, empty."""
    with make_environment() as made:
        yield made


@pytest.fixture
def log() -> Iterator["Log"]:
    """What the functions log while the test runs."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logging.getLogger(logger.name).addHandler(handler)
    yield Log(stream)
    logging.getLogger(logger.name).removeHandler(handler)


class Log:
    """Structured lines as they are written."""

    def __init__(self, stream: StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        """All of it, as written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """One object a line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with that message."""
        return [line for line in self.lines if line["message"] == message]
