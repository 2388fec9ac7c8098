"""Provide a local stack for the tests. It uses free ports, so it can run next to other stacks."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.client import Client
from local.control import RekognitionControl
from local.stack import ANY_PORTS, Stack
from testing.image_variants import with_new_content
from tools import paths

TEST_STACK = "test-"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Enable sockets for end-to-end tests. All other tests run with sockets disabled."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Deploy the stack that all tests share. Keep its logs if a test fails."""
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
    """Return a client of the deployed API."""
    return Client(stack.api_url)


@pytest.fixture
def rekognition(stack: Stack) -> Iterator[RekognitionControl]:
    """Return the control client of the Rekognition emulator. Call counts and faults are reset for each test."""
    control = RekognitionControl(stack.rekognition_url)
    control.reset()
    yield control
    control.reset()


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of the sample images."""
    return paths.SAMPLES


@pytest.fixture
def fresh_image(samples: Path, tmp_path: Path) -> Path:
    """Return the sample cat with new content."""
    image = tmp_path / "cat.jpg"
    image.write_bytes(with_new_content((samples / "cat.jpg").read_bytes()))
    return image


def _remove_abandoned_stacks() -> None:
    """Stop and delete the stacks of killed test runs."""
    for home in paths.STACKS.glob(f"{TEST_STACK}*"):
        if not psutil.pid_exists(int(home.name.split("-")[1])):
            Stack(home.name).down()
            shutil.rmtree(home, ignore_errors=True)  # another worker may be deleting it as well
