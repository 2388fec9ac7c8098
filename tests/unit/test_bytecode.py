"""Test the bytecode of built functions."""

import marshal
from hashlib import sha256
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


def build_in(folder: Path) -> dict[str, str]:
    """Compile a function that is built in the folder. Return the hash of each file by its path in the package."""
    package = folder / "SubmitFunction"
    (package / "imagescan").mkdir(parents=True)
    (package / "imagescan" / "module.py").write_text("def f():\n    raise ValueError\n")
    (package / "bin").mkdir()
    (package / "bin" / "jp.py").write_text(f"#!{folder}/bin/python\n")
    (package / "jmespath.dist-info").mkdir()
    record = f"bin/jp.py,sha256={sha256(bytes(folder)).hexdigest()},20\njmespath/__init__.py,sha256=a,1\n"
    (package / "jmespath.dist-info" / "RECORD").write_text(record)
    compile_folder(folder)
    files = [path for path in package.rglob("*") if path.is_file()]
    return {path.relative_to(package).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def test_builds_in_different_folders_are_identical(tmp_path: Path) -> None:
    one, another = build_in(tmp_path / "one"), build_in(tmp_path / "another" / "folder")
    assert one == another
    assert {path.split("/")[0] for path in one} == {"imagescan", "jmespath.dist-info"}


def test_tracebacks_contain_the_path_of_the_source_on_lambda(tmp_path: Path) -> None:
    build_in(tmp_path)
    [compiled] = tmp_path.rglob("*.pyc")
    assert marshal.loads(compiled.read_bytes()[16:]).co_filename == "/var/task/imagescan/module.py"  # noqa: S302 - own bytecode
