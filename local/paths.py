"""Where things are. Everything the tooling makes is under .local, which git ignores."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / ".local"
STACKS = MADE / "stacks"
BUILDS = MADE / "builds"
PAGES = MADE / "pages"
UV_FOLDER = MADE / "env" / "uv" / "bin"
EMULATOR_PYTHON = MADE / "env" / "emulator" / "bin" / "python"
SAM_PYTHON = MADE / "env" / "sam" / "bin" / "python"
REKOGNITION_SERVER = ROOT / "local" / "rekognition" / "server.mjs"
SAMPLES = ROOT / "samples"
