import json

from imagescan.api.request_models import HINTS, BatchBody, EntryBody
from ops.openapi.__main__ import DOCUMENT, text
from ops.openapi.operations import OPERATIONS
from testing.deployment import Deployment


def test_the_committed_openapi_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == text(), "run make openapi"


def test_the_document_describes_exactly_the_deployed_routes() -> None:
    routes = Deployment.of().properties("Api")["Body"]["paths"]
    deployed = {(path, method) for path, methods in routes.items() for method in methods if method != "options"}
    assert {(operation.path, operation.method) for operation in OPERATIONS} == deployed


def test_every_request_field_has_a_hint() -> None:
    assert set(HINTS) == {*EntryBody.model_fields, *BatchBody.model_fields}


def test_every_reference_in_the_document_resolves() -> None:
    document = json.loads(DOCUMENT.read_text())
    references = {each.split('"')[0] for each in DOCUMENT.read_text().split('"$ref": "#/components/')[1:]}
    assert {tuple(each.split("/")) for each in references} <= {
        (kind, name) for kind, components in document["components"].items() for name in components
    }
