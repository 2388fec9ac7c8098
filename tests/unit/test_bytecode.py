"""The bytecode that is deployed."""

from pathlib import Path

from local.bytecode import compile_in

HASH_BASED_AND_NOT_CHECKED = 0b01  # PEP 552: the second word of a bytecode file


def made(folder: Path, *modules: str) -> set[str]:
    for name in modules:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("a = 1")
    compile_in(folder)
    return {path.parent.parent.relative_to(folder).as_posix() for path in folder.rglob("*.pyc")}


def test_bytecode_is_used_whatever_the_dates_of_its_sources_are(tmp_path: Path) -> None:
    made(tmp_path, "imagescan/module.py")
    [compiled] = tmp_path.rglob("*.pyc")
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == HASH_BASED_AND_NOT_CHECKED


def test_what_no_function_imports_is_not_compiled(tmp_path: Path) -> None:
    unused = ("pydantic/v1/module.py", "aws_lambda_powertools/event_handler/module.py")
    assert made(tmp_path, "pydantic/module.py", *unused) == {"pydantic"}
