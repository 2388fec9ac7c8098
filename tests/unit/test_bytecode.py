"""Test the bytecode of built functions."""

from pathlib import Path

from tools.bytecode import compile_folder

UNCHECKED_HASH = 0b01  # flags in the second word of a bytecode file (PEP 552)


def compiled_folders(folder: Path, *modules: str) -> set[str]:
    """Write the modules, compile the folder and return the folders that contain bytecode."""
    for name in modules:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("a = 1")
    compile_folder(folder)
    return {path.parent.parent.relative_to(folder).as_posix() for path in folder.rglob("*.pyc")}


def test_bytecode_does_not_depend_on_the_timestamps_of_its_sources(tmp_path: Path) -> None:
    compiled_folders(tmp_path, "imagescan/module.py")
    [compiled] = tmp_path.rglob("*.pyc")
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == UNCHECKED_HASH


def test_modules_that_no_function_imports_are_not_compiled(tmp_path: Path) -> None:
    unused = ("pydantic/v1/module.py", "aws_lambda_powertools/event_handler/module.py")
    assert compiled_folders(tmp_path, "pydantic/module.py", *unused) == {"pydantic"}
