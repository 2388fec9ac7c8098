"""Convert the models of nsfwjs to weights/moderation and weights/moderation-mid. The result is committed.

    npm pack nsfwjs@4.3.0
    tar xf nsfwjs-4.3.0.tgz
    python convert_moderation.py package

This needs numpy and Node.js.
"""

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
from mobile_network import Block, Convolution, Dense, Network

WEIGHTS = Path(__file__).parents[1] / "weights"
# Both networks have 17 blocks. These halve the height and the width.
HALVING_BLOCKS = {1, 3, 6, 13}
BLOCKS = range(17)


def read_module(path: Path) -> Any:
    """Return the value that a JavaScript file of the package exports."""
    program = "const value = require(process.argv[1]); console.log(JSON.stringify(value.default ?? value))"
    output = subprocess.run(["node", "-e", program, str(path.resolve())], check=True, capture_output=True).stdout
    return json.loads(output)


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """Return the weights of a model, dequantized."""
    data = b"".join(b64decode(read_module(shard)) for shard in sorted(folder.glob("group1-shard*.min.js")))
    weights, offset = {}, 0
    for spec in read_module(folder / "model.min.js")["weightsManifest"][0]["weights"]:
        quantization = spec.get("quantization", {})
        stored = np.dtype(quantization.get("dtype", spec["dtype"]))
        count = int(np.prod(spec["shape"]))
        values = np.frombuffer(data, stored, count, offset).astype(np.float32).reshape(spec["shape"])
        weights[spec["name"]] = values * quantization.get("scale", 1) + quantization.get("min", 0)
        offset += count * stored.itemsize
    return weights


def stride_of(block: int) -> int:
    """Return the stride of the depthwise convolution of a block."""
    return 2 if block in HALVING_BLOCKS else 1


def build_keras_network(weights: dict[str, np.ndarray]) -> Network:
    """Build mobilenet_v2, whose batch normalizations are separate layers."""

    def convolution(name: str, normalization: str, stride: int = 1) -> Convolution:
        depthwise = f"{name}/depthwise_kernel" in weights
        kernel = weights[f"{name}/depthwise_kernel" if depthwise else f"{name}/kernel"]
        kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        return Convolution.normalized(kernel, [weights[f"{normalization}/{part}"] for part in parts], stride)

    def block(index: int) -> Block:
        prefix = f"block_{index}" if index else "expanded_conv"

        def part(name: str, stride: int = 1) -> Convolution:
            return convolution(f"{prefix}_{name}", f"{prefix}_{name}_BN", stride)

        return Block(part("expand") if index else None, part("depthwise", stride_of(index)), part("project"))

    return Network(
        convolution("Conv1", "bn_Conv1", stride=2),
        [block(index) for index in BLOCKS],
        convolution("Conv_1", "Conv_1_bn"),
        [Dense(weights[f"dense_{index}/kernel"].T, weights[f"dense_{index}/bias"]) for index in (1, 2, 3)],
    )


def build_hub_network(weights: dict[str, np.ndarray]) -> Network:
    """Build mobilenet_v2_mid, whose batch normalizations are merged into the convolutions."""
    by_layer = {name.rpartition("/MobilenetV2/")[2]: values for name, values in weights.items()}

    def convolution(layer: str, stride: int = 1) -> Convolution:
        kernel, bias = by_layer[f"{layer}_weights"], by_layer[f"{layer}_bn_offset"]
        return Convolution(kernel.transpose((2, 3, 0, 1) if "depthwise" in layer else (3, 2, 0, 1)), bias, stride)

    def block(index: int) -> Block:
        prefix = f"expanded_conv_{index}" if index else "expanded_conv"
        return Block(
            convolution(f"{prefix}/expand/Conv2D") if index else None,
            convolution(f"{prefix}/depthwise/depthwise", stride_of(index)),
            convolution(f"{prefix}/project/Conv2D"),
        )

    weight, bias = (weights[f"Func/StatefulPartitionedCall/input/_{index}"] for index in (262, 263))
    return Network(
        convolution("Conv/Conv2D", stride=2),
        [block(index) for index in BLOCKS],
        convolution("Conv_1/Conv2D"),
        [Dense(weight.T, bias)],
    )


if __name__ == "__main__":
    models = Path(sys.argv[1]) / "dist" / "models"
    build_keras_network(read_weights(models / "mobilenet_v2")).write(WEIGHTS / "moderation")
    build_hub_network(read_weights(models / "mobilenet_v2_mid")).write(WEIGHTS / "moderation-mid")
