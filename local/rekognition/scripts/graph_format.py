"""Write a network in the format of src/graph.d.ts: graph.json and weights.bin."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# A weight with fewer numbers stays float32: biases and scalars are small and need the precision.
SMALLEST_QUANTIZED = 256


@dataclass
class GraphWriter:
    """Collects the nodes and constants of one network."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    tensors: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: bytearray = field(default_factory=bytearray)

    def add_node(self, op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Add a node. `op` and the attributes have ONNX's names and meaning. The name is that of the first output."""
        self.nodes.append(
            {"op": op, "name": outputs[0], "inputs": inputs, "outputs": outputs, "attributes": attributes}
        )

    def add_constant(self, name: str, values: np.ndarray, axis: int | None = None) -> None:
        """Add a constant: as int8 with one scale per index of `axis`, or as float32 without `axis`."""
        if axis is None or values.size < SMALLEST_QUANTIZED:
            self._store(name, "float32", values.astype("<f4"))
            return
        others = tuple(other for other in range(values.ndim) if other != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / 127
        quantized = np.rint(values / scale).astype(np.int8)
        rounded = [float(f"{one:.6g}") for one in scale.ravel()]
        self._store(name, "int8", quantized, scale=rounded, **({"axis": axis} if axis else {}))

    def write(self, folder: Path, inputs: list[str], outputs: list[str]) -> None:
        """Write graph.json and weights.bin."""
        folder.mkdir(parents=True, exist_ok=True)
        graph = {"inputs": inputs, "outputs": outputs, "nodes": self.nodes, "tensors": self.tensors}
        (folder / "graph.json").write_text(json.dumps(graph, separators=(",", ":")) + "\n")
        (folder / "weights.bin").write_bytes(self.weights)

    def _store(self, name: str, kind: str, values: np.ndarray, **quantization: Any) -> None:
        data = values.tobytes()
        place = {"offset": len(self.weights), "length": len(data)}
        self.tensors[name] = {"shape": list(values.shape), "type": kind, **place, **quantization}
        self.weights += data
