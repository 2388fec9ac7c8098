"""Test the SDK's clients."""

import pytest
from botocore.exceptions import UnknownServiceError

from imagescan.aws import clients
from tools.env import EMULATOR_CREDENTIALS


def test_the_loader_finds_the_services_in_use_without_searching_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EMULATOR_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    session = clients._session.__wrapped__()  # noqa: SLF001 - all tests share the cached session
    loader = session.get_component("data_loader")
    assert set(loader.list_available_services("service-2")) == {"dynamodb", "events", "rekognition", "s3", "sqs"}
    for service in loader.list_available_services("service-2"):
        assert session.create_client(service).meta.service_model.service_name == service
    with pytest.raises(UnknownServiceError):
        session.create_client("ec2")
