"""Define the paths of the project. All generated files are in .local, which git ignores."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT_DIR = ROOT / ".local"
STACKS = OUTPUT_DIR / "stacks"
BUILDS = OUTPUT_DIR / "builds"
WEB_BUILDS = OUTPUT_DIR / "web"
UV_BIN = OUTPUT_DIR / "env" / "uv" / "bin"
EMULATOR_PYTHON = OUTPUT_DIR / "env" / "emulator" / "bin" / "python"
SAM_BIN = OUTPUT_DIR / "env" / "sam" / "bin"
SAM_PYTHON = SAM_BIN / "python"
EMULATOR_SERVER = ROOT / "local" / "emulator.py"
REKOGNITION_SERVER = ROOT / "local" / "rekognition" / "server.mjs"
SAMPLES = ROOT / "samples"
