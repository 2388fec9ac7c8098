"""What the tests of the command line share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pictures import png
from tests.unit.cli_service import FakeService


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    server = fake.start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    picture = tmp_path / "cat.png"
    picture.write_bytes(png() + b"cat")
    return picture
