import json

from imagescan.api.request_models import HINTS, BatchBody, EntryBody
from ops.openapi.__main__ import DOCUMENT, text
from ops.openapi.operations import OPERATIONS
from testing.deployment import Deployment


def test_the_committed_description_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == text(), "run make openapi"


def test_every_route_of_the_template_is_described_and_no_other() -> None:
    routes = Deployment.of().properties("Api")["Body"]["paths"]
    deployed = {(path, method) for path, told in routes.items() for method in told if method != "options"}
    assert {(operation.path, operation.method) for operation in OPERATIONS} == deployed


def test_every_field_that_is_read_is_explained() -> None:
    assert set(HINTS) == {*EntryBody.model_fields, *BatchBody.model_fields}


def test_every_reference_within_the_description_leads_somewhere() -> None:
    description = json.loads(DOCUMENT.read_text())
    references = {each.split('"')[0] for each in DOCUMENT.read_text().split('"$ref": "#/components/')[1:]}
    assert {tuple(each.split("/")) for each in references} <= {
        (kind, name) for kind, told in description["components"].items() for name in told
    }
