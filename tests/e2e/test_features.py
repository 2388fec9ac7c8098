"""Labels, moderation and text on the deployed stack, with the models of the Rekognition emulator."""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from local.client import Client, question
from local.control import Operation, RekognitionControl
from local.stack import Stack
from testing.image_variants import with_new_content

OPERATIONS = get_args(Operation.__value__)
ALL_FEATURES = {"label": "sign", "moderation": ["*"], "text": ["open"]}
ONCE_EACH = dict.fromkeys(OPERATIONS, 1)


@pytest.fixture
def http(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, timeout=60)


@pytest.fixture
def fresh_sign(samples: Path, tmp_path: Path) -> Path:
    """Return the sample sign with new content."""
    image = tmp_path / "sign.png"
    image.write_bytes(with_new_content((samples / "sign.png").read_bytes()))
    return image


def ask(api: Client, image: Path, **asked: object) -> dict[str, Any]:
    return api.wait(api.post(question(image) | asked).raise_for_status().json())


def calls(rekognition: RekognitionControl, image: Path) -> dict[str, int]:
    """Return the number of Rekognition calls for the image by operation, without those that were not called."""
    image_hash = hashlib.sha256(image.read_bytes()).hexdigest()
    counted = Counter({operation: rekognition.calls_for(image_hash, operation) for operation in OPERATIONS})
    return dict(+counted)


def by_hash(image: Path, **asked: object) -> dict[str, Any]:
    content = image.read_bytes()
    declared = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return {**declared, "fileType": f"image/{image.suffix[1:]}", **asked}


def test_a_sign_is_found_by_its_text(api: Client, samples: Path) -> None:
    answer = ask(api, samples / "sign.png", text=["open"])
    [result] = answer["results"]
    assert (answer["label_matched"], result["feature"], result["match"]["matched_by"]) == (True, "text", "text")
    assert answer["message"].startswith("Yes: the image contains the text 'open' (")
    [line] = [line for line in answer["text"]["lines"] if line["text"] == result["match"]["label"]]
    assert {"box", "polygon", "words"} <= line.keys()
    assert (answer["labels"], answer["moderation"], answer["label"]) == ([], None, None)


@pytest.mark.parametrize("asked", ["Alcohol", "alcoholic beverages", "*"])
def test_a_wine_bottle_is_flagged_as_alcohol(api: Client, samples: Path, asked: str) -> None:
    answer = ask(api, samples / "wine-bottle.png", moderation=[asked])
    found = {label["name"]: label for label in answer["moderation"]["labels"]}
    assert answer["label_matched"] is True
    assert found["Alcoholic Beverages"]["parents"] == ["Alcohol"]
    assert [found[name]["taxonomy_level"] for name in ("Alcohol", "Alcoholic Beverages")] == [1, 2]


def test_no_other_sample_has_a_moderation_finding(api: Client, samples: Path) -> None:
    images = [each for each in sorted(samples.iterdir()) if each.suffix in {".jpg", ".png"}]
    answers = {each.name: ask(api, each, moderation=["*"], min_confidence=50) for each in images}
    assert [name for name, answer in answers.items() if answer["label_matched"]] == ["wine-bottle.png"]


@pytest.mark.parametrize(("sample", "label"), [("coffee.jpg", "espresso"), ("photographer.png", "tripod")])
def test_classes_without_boxes_are_recognised(api: Client, samples: Path, sample: str, label: str) -> None:
    assert ask(api, samples / sample, label=label)["label_matched"] is True


def test_twenty_simultaneous_requests_for_three_features_cost_three_calls_and_text_later_costs_none(
    api: Client, fresh_sign: Path, rekognition: RekognitionControl
) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(api, fresh_sign, **ALL_FEATURES), range(20)))
    assert {answer["status"] for answer in answers} == {"completed"}
    assert calls(rekognition, fresh_sign) == ONCE_EACH
    assert ask(api, fresh_sign, text=["closed"])["label_matched"] is False
    assert calls(rekognition, fresh_sign) == ONCE_EACH


def test_asking_for_text_later_costs_one_call_and_needs_no_upload(
    http: httpx.Client, api: Client, fresh_sign: Path, rekognition: RekognitionControl
) -> None:
    first = ask(api, fresh_sign, label="sign")
    asked = http.post(f"/scanrequest/{first['request_id']}/questions", json={"text": ["open"]})
    assert (asked.status_code, asked.json()["code"]) == (409, "feature_not_scanned")
    later = http.post("/scanrequest", json=by_hash(fresh_sign, text=["open"])).json()
    assert (later["status"], later["upload"]) == ("pending", None)
    answer = api.wait(later)
    assert (answer["label_matched"], answer["scan_reused"], answer["features"]) == (True, False, ["text"])
    assert calls(rekognition, fresh_sign) == {"DetectLabels": 1, "DetectText": 1}
    again = http.post(f"/scanrequest/{answer['request_id']}/questions", json={"text": ["closed"]})
    assert (again.status_code, again.json()["label_matched"]) == (200, False)
    assert calls(rekognition, fresh_sign) == {"DetectLabels": 1, "DetectText": 1}


def test_an_unknown_image_by_hash_is_uploaded_once_for_all_features(
    http: httpx.Client, api: Client, fresh_sign: Path, rekognition: RekognitionControl
) -> None:
    sent = http.post("/scanrequest", json=by_hash(fresh_sign, **ALL_FEATURES)).json()
    httpx.put(sent["upload"]["url"], content=fresh_sign.read_bytes(), headers=sent["upload"]["headers"], timeout=60)
    answer = api.wait(sent)
    assert (answer["status"], answer["features"]) == ("completed", ["labels", "moderation", "text"])
    assert [result["feature"] for result in answer["results"]] == ["labels", "moderation", "text"]
    assert calls(rekognition, fresh_sign) == ONCE_EACH


def test_a_throttled_feature_does_not_repeat_the_others(
    api: Client, fresh_sign: Path, rekognition: RekognitionControl
) -> None:
    rekognition.fail(kind="throttle", operation="DetectText")
    assert ask(api, fresh_sign, **ALL_FEATURES)["status"] == "completed"
    assert calls(rekognition, fresh_sign) == ONCE_EACH


def test_features_are_scanned_without_a_question(api: Client, fresh_sign: Path) -> None:
    answer = ask(api, fresh_sign, features=["text", "moderation"])
    assert (answer["status"], answer["label_matched"], answer["results"]) == ("completed", None, [])
    assert answer["message"] == "The image was scanned for moderation and text. The request asked no question."


def test_lists_and_statistics_distinguish_features(http: httpx.Client, api: Client, fresh_sign: Path) -> None:
    answer = ask(api, fresh_sign, text=["open"])
    [newest] = http.get("/scanrequests", params={"feature": "text", "limit": 1}).json()["requests"]
    assert (newest["request_id"], newest["features"], newest["text_asked"]) == (
        answer["request_id"],
        ["text"],
        ["open"],
    )
    assert "text" not in newest
    assert http.get("/scanrequests", params={"feature": "faces"}).json()["code"] == "invalid_feature"
    assert http.get("/stats").json()["by_feature"].keys() == {"labels", "moderation", "text"}
