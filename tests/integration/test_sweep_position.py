from imagescan.aws import clients
from imagescan.aws.sweep_position import SweepPosition
from testing.moto_environment import MotoEnvironment
from testing.resources import COUNTERS


def test_a_position_is_loaded_as_saved(env: MotoEnvironment) -> None:
    position = SweepPosition(clients.dynamodb(), COUNTERS)
    assert position.load() is None
    position.save('{"request_id": {"S": "r"}}')
    assert position.load() == '{"request_id": {"S": "r"}}'
    position.save(None)
    assert position.load() is None
    assert env.transport.calls == ["GetItem", "PutItem", "GetItem", "DeleteItem", "GetItem"]


def test_a_position_does_not_affect_the_statistics(env: MotoEnvironment) -> None:
    SweepPosition(clients.dynamodb(), COUNTERS).save("anywhere")
    event = {"httpMethod": "GET", "resource": "/stats", "requestContext": {"requestId": "r"}}
    assert env.functions.invoke("StatsFunction", event)["statusCode"] == 200
