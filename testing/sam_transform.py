"""Print template.yaml after the SAM transform, as JSON. The argument contains the parameters as JSON.

Run this script with the Python of the SAM CLI environment. Its libraries conflict with those of the project.
"""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-not-found]  # installed in the SAM CLI environment
from samtranslator.parser.parser import Parser  # type: ignore[import-not-found]  # installed in the SAM CLI environment
from samtranslator.translator.translator import Translator  # type: ignore[import-not-found]  # installed in the SAM CLI environment

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


def transformed(parameters: dict[str, str]) -> dict[str, Any]:
    """Return the transformed template. Conditions are not resolved."""
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"  # as sam deploy sets it
    result: dict[str, Any] = Translator({}, Parser()).translate(template, parameters)
    return result


if __name__ == "__main__":
    json.dump(transformed(json.loads(sys.argv[1])), sys.stdout)
