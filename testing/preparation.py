"""Preparation steps that call-count tests and benchmarks share."""

from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import REQUESTS

KEY = f"images/{hash_of(image_bytes())}.png"
"""Object key of the image that these steps submit."""


def submit_image(env: MotoEnvironment, times: int = 1) -> str:
    """Store this many requests for one image. Return the ID of the first one."""
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, times - 1)
    return request_id


def enqueue_scanned_image(env: MotoEnvironment, pending: int) -> None:
    """Enqueue a scanned image again, with this many pending requests that were stored during its scan."""
    request_id = submit_image(env)
    [item] = env.resources.items(REQUESTS)
    env.trigger.deliver_all()
    if pending:
        env.resources.dynamodb.put_item(TableName=REQUESTS, Item=item)
        env.resources.copy_request(request_id, pending - 1)
    env.resources.enqueue(KEY)
