"""Test that every handler can be imported as Lambda does it: its collaborators are created during the import."""

import os
import subprocess
import sys

import pytest

from testing.resources import TEMPLATE
from tools import paths
from tools.env import EMULATOR_CREDENTIALS


@pytest.mark.parametrize("function", TEMPLATE.functions)
def test_a_handler_can_be_imported_with_the_settings_of_its_function(function: str) -> None:
    module = TEMPLATE.handler(function).rpartition(".")[0]
    settings = TEMPLATE.environment(function) | EMULATOR_CREDENTIALS
    environment = os.environ | settings | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "PYTHONPATH": "src"}
    command = [sys.executable, "-c", f"import {module}"]
    completed = subprocess.run(  # noqa: S603 - a fixed command
        command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
