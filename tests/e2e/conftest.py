"""A local stack of the tests' own, on ports of its own, so that it runs beside any other."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import paths
from local.client import Client
from local.control import RekognitionControl
from local.stack import ANY_PORTS, Stack

TEST_STACK = "test-"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End to end tests speak to servers; every other test runs with sockets off."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The deployed stack that the tests share; its logs stay when one of them fails."""
    _remove_abandoned_stacks()
    stack = Stack(f"{TEST_STACK}{os.getpid()}", ANY_PORTS)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
        if request.session.testsfailed:
            shutil.rmtree(stack.home / "data", ignore_errors=True)
        else:
            shutil.rmtree(stack.home)


@pytest.fixture(scope="session")
def api(stack: Stack) -> Client:
    """A client of the deployed API."""
    return Client(stack.api_url)


@pytest.fixture
def rekognition(stack: Stack) -> Iterator[RekognitionControl]:
    """The stand-in's control address, with no call counted yet; the faults of a test end with it."""
    control = RekognitionControl(stack.rekognition_url)
    control.reset()
    yield control
    control.reset()


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample pictures."""
    return paths.SAMPLES


@pytest.fixture
def fresh_picture(samples: Path, tmp_path: Path) -> Path:
    """The sample cat in bytes that were never sent before: a decoder stops reading where the picture ends."""
    picture = tmp_path / "cat.jpg"
    picture.write_bytes((samples / "cat.jpg").read_bytes() + uuid.uuid4().bytes)
    return picture


def _remove_abandoned_stacks() -> None:
    """What a run that was killed left behind."""
    for home in paths.STACKS.glob(f"{TEST_STACK}*"):
        if not psutil.pid_exists(int(home.name.split("-")[1])):
            Stack(home.name).down()
            shutil.rmtree(home)
