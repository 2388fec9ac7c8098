"""What the tests of the command line share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imagescan_cli.commands import app
from testing.images import png
from tests.unit.cli_runs import Run
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


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text("")
    return file


@pytest.fixture
def run(service: FakeService, config_file: Path) -> Run:
    def run(*arguments: object, api: str | None = service.api, **environment: str) -> Result:
        settings = {"IMAGESCAN_CONFIG": str(config_file), "IMAGESCAN_API": api, **environment}
        return CliRunner().invoke(app, [str(each) for each in arguments], env=settings)

    return run
