"""Gateway responses of the deployed API.

The emulator supports gateway responses, but does not read those of the template.
"""

from typing import Any

_CONDITIONS = {"UseIamAuth": False}  # on the local stack, the API is open
_STAGE = "v1"


def deploy_gateway_responses(api_gateway: Any, template: dict[str, Any], api_id: str) -> None:
    """Add the gateway responses of the processed template to the API, and deploy them.

    `api_gateway` is a boto3 client.
    """
    body = template["Resources"]["Api"]["Properties"]["Body"]
    for response_type, response in _resolve(body["x-amazon-apigateway-gateway-responses"]).items():
        api_gateway.put_gateway_response(restApiId=api_id, responseType=response_type, **response)
    api_gateway.create_deployment(restApiId=api_id, stageName=_STAGE)


def _resolve(value: Any) -> Any:
    """Return the value with every `Fn::If` replaced by its result."""
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, if_true, if_false = value["Fn::If"]
        return _resolve(if_true if _CONDITIONS[condition] else if_false)
    return {key: _resolve(each) for key, each in value.items()}
