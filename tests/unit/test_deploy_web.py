import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ops.deploy_web import deploy, stack_name
from tools import paths
from tools.console import CommandError

UPLOAD_ORIGIN = "https://images.s3.eu-west-1.amazonaws.com"
API_URL = "https://abc.execute-api.eu-west-1.amazonaws.com/v1"


@dataclass
class FakeS3:
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put_object(self, *, Key: str, **properties: Any) -> None:  # noqa: N803 - boto3's spelling
        self.objects[Key] = properties


@dataclass
class FakeCloudFront:
    calls: list[dict[str, Any]] = field(default_factory=list)

    def create_invalidation(self, **call: Any) -> None:
        self.calls.append(call)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets" / "main-1a2b.js").write_text("")
    return tmp_path


def test_on_cloudfront_the_api_url_is_relative_and_the_cache_is_invalidated(built: Path) -> None:
    s3, cloudfront = FakeS3(), FakeCloudFront()
    deploy(built, {"SiteBucket": "site", "ApiUrl": API_URL, "DistributionId": "E1"}, s3, cloudfront)
    assert json.loads(s3.objects["config.json"]["Body"]) == {"apiUrl": "/"}
    [call] = cloudfront.calls
    assert (call["DistributionId"], call["InvalidationBatch"]["Paths"]["Items"]) == ("E1", ["/*"])


def test_without_cloudfront_the_api_url_is_absolute(built: Path) -> None:
    s3, cloudfront = FakeS3(), FakeCloudFront()
    deploy(built, {"SiteBucket": "site", "ApiUrl": API_URL}, s3, cloudfront)
    assert json.loads(s3.objects["config.json"]["Body"]) == {"apiUrl": API_URL}
    assert cloudfront.calls == []


def test_with_authentication_the_page_gets_the_sign_in_url_and_may_connect_to_it(built: Path) -> None:
    s3 = FakeS3()
    (built / "index.html").write_text((paths.ROOT / "frontend" / "index.html").read_text())
    sign_in = {"SignInUrl": "https://login.example.org", "SignInClientId": "client7"}
    outputs = {"SiteBucket": "site", "ApiUrl": API_URL, "DistributionId": "E1", "UploadOrigin": UPLOAD_ORIGIN}
    deploy(built, outputs | sign_in, s3, FakeCloudFront())
    config = json.loads(s3.objects["config.json"]["Body"])
    assert config["signIn"] == {"url": "https://login.example.org", "clientId": "client7"}
    policy = f"connect-src 'self' https://login.example.org {UPLOAD_ORIGIN};"
    assert policy.encode() in s3.objects["index.html"]["Body"]


def test_without_cloudfront_the_page_may_connect_to_the_api_and_the_images_bucket_only(built: Path) -> None:
    s3 = FakeS3()
    (built / "index.html").write_text((paths.ROOT / "frontend" / "index.html").read_text())
    outputs = {"SiteBucket": "site", "ApiUrl": API_URL, "UploadOrigin": UPLOAD_ORIGIN}
    deploy(built, outputs, s3, FakeCloudFront())
    policy = f"connect-src 'self' https://abc.execute-api.eu-west-1.amazonaws.com {UPLOAD_ORIGIN};"
    assert policy.encode() in s3.objects["index.html"]["Body"]


def test_only_hashed_assets_are_cached_without_revalidation(built: Path) -> None:
    s3 = FakeS3()
    deploy(built, {"SiteBucket": "site", "ApiUrl": API_URL}, s3, FakeCloudFront())
    is_immutable = {key: "immutable" in properties["CacheControl"] for key, properties in s3.objects.items()}
    assert is_immutable == {"assets/main-1a2b.js": True, "index.html": False, "config.json": False}


def test_an_environment_is_deployed_to_its_stack_in_samconfig() -> None:
    assert stack_name("production") == "imagescan-production"
    with pytest.raises(CommandError, match="'nowhere'"):
        stack_name("nowhere")
