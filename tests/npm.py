"""Programs for Node.js that tests run beside what they check."""

import shutil
import subprocess
from pathlib import Path


def installed(program: Path, folder: Path) -> Path:
    """A copy of a program's folder in `folder`, with the packages that it names; needs npm and its registry."""
    shutil.copytree(program, folder, dirs_exist_ok=True)
    subprocess.run(("npm", "install", "--silent"), cwd=folder, check=True)
    return folder
