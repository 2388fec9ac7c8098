"""Prints what SAM makes of template.yaml with the parameters that its argument holds as JSON.

Run by the SAM CLI's own Python, whose libraries this project's environment cannot hold beside its own.
"""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-not-found]  # it is in the SAM CLI's environment
from samtranslator.parser.parser import Parser  # type: ignore[import-not-found]  # it is in the SAM CLI's environment
from samtranslator.translator.translator import Translator  # type: ignore[import-not-found]  # it is in the SAM CLI's environment

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


def transformed(parameters: dict[str, str]) -> dict[str, Any]:
    """The template as CloudFormation deploys it, its conditions still open."""
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"  # as sam deploy leaves it
    result: dict[str, Any] = Translator({}, Parser()).translate(template, parameters)
    return result


if __name__ == "__main__":
    json.dump(transformed(json.loads(sys.argv[1])), sys.stdout)
