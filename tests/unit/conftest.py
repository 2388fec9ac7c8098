"""Fixtures for tests of the command line."""

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
def image_path(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(png() + b"cat")
    return path


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text("")
    return file


@pytest.fixture
def run(service: FakeService, config_file: Path) -> Run:
    def run(
        *arguments: object, api_url: str | None = service.api_url, stdin: bytes | None = None, **environment: str
    ) -> Result:
        settings = {"IMAGESCAN_CONFIG": str(config_file), "IMAGESCAN_API_URL": api_url, **environment}
        return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, env=settings)

    return run
