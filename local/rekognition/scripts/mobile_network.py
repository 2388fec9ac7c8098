"""Write a network of inverted residual blocks, such as MobileNetV2 and EfficientNet-Lite, in the common format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from graph_format import GraphWriter

EPSILON = 1e-3


@dataclass(frozen=True)
class Convolution:
    """A convolution with the layout of ONNX (output channels first) and its bias."""

    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1

    @classmethod
    def normalized(cls, kernel: np.ndarray, normalization: Sequence[np.ndarray], stride: int = 1) -> "Convolution":
        """Merge a batch normalization (gamma, beta, mean and variance) into the convolution before it."""
        gamma, beta, mean, variance = normalization
        factor = gamma / np.sqrt(variance + EPSILON)
        return cls(kernel * factor[:, None, None, None], beta - mean * factor, stride)


@dataclass(frozen=True)
class Block:
    """An inverted residual block. The first block of a network does not expand."""

    expand: Convolution | None
    depthwise: Convolution
    project: Convolution

    def is_residual(self) -> bool:
        """Return whether the input is added to the output."""
        first = self.expand or self.depthwise
        channels = first.kernel.shape[1] if self.expand else first.kernel.shape[0]
        return self.depthwise.stride == 1 and channels == self.project.kernel.shape[0]


@dataclass(frozen=True)
class Dense:
    """A fully connected layer. `weight` has one row per output."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Network:
    """A classifier. All dense layers but the last end in a Relu, and the last one in a Softmax."""

    stem: Convolution
    blocks: Sequence[Block]
    head: Convolution
    dense: Sequence[Dense]

    def write(self, folder: Path) -> None:
        """Write graph.json and weights.bin."""
        _NetworkWriter().write(self, folder)


class _NetworkWriter:
    def __init__(self) -> None:
        self._graph = GraphWriter()

    def write(self, network: Network, folder: Path) -> None:
        value = self._convolution("stem", network.stem, "image", clip=True)
        for index, block in enumerate(network.blocks):
            value = self._block(f"block{index}", block, value)
        value = self._convolution("head", network.head, value, clip=True)
        self._graph.add_node("GlobalAveragePool", [value], ["pooled"])
        self._graph.add_node("Flatten", ["pooled"], ["features"], axis=1)
        value = "features"
        for index, layer in enumerate(network.dense):
            value = self._dense(f"dense{index}", layer, value)
            if layer is not network.dense[-1]:
                value = self._unary("Relu", value)
        self._graph.add_node("Softmax", [value], ["probabilities"], axis=-1)
        self._graph.write(folder, ["image"], ["probabilities"])

    def _block(self, name: str, block: Block, entry: str) -> str:
        value = entry
        if block.expand:
            value = self._convolution(f"{name}.expand", block.expand, value, clip=True)
        value = self._convolution(f"{name}.depthwise", block.depthwise, value, clip=True)
        value = self._convolution(f"{name}.project", block.project, value, clip=False)
        if not block.is_residual():
            return value
        self._graph.add_node("Add", [value, entry], [f"{name}.sum"])
        return f"{name}.sum"

    def _convolution(self, name: str, convolution: Convolution, entry: str, *, clip: bool) -> str:
        outputs, inputs, height, width = convolution.kernel.shape
        self._graph.add_constant(f"{name}.weight", convolution.kernel, axis=0)
        self._graph.add_constant(f"{name}.bias", convolution.bias)
        self._graph.add_node(
            "Conv",
            [entry, f"{name}.weight", f"{name}.bias"],
            [name],
            group=outputs if inputs == 1 else 1,
            kernel_shape=[height, width],
            strides=[convolution.stride, convolution.stride],
            auto_pad="SAME_UPPER",
        )
        return self._unary("Clip", name, min=0, max=6) if clip else name

    def _dense(self, name: str, layer: Dense, entry: str) -> str:
        self._graph.add_constant(f"{name}.weight", layer.weight, axis=0)
        self._graph.add_constant(f"{name}.bias", layer.bias)
        self._graph.add_node("Gemm", [entry, f"{name}.weight", f"{name}.bias"], [name], transB=1)
        return name

    def _unary(self, op: str, entry: str, **attributes: int) -> str:
        output = f"{entry}.{op.lower()}"
        self._graph.add_node(op, [entry], [output], **attributes)
        return output
