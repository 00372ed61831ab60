import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][\w.]*)( ; .+)? \\")
PACKAGE = re.compile(r"[\w.-]+")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    return {found["name"]: found["version"] for line in lines if (found := PIN.fullmatch(line))}


def test_all_files_are_there() -> None:
    assert [path.name for path in FILES] == [
        "build.txt",
        "dev.txt",
        "image.txt",
        "kubernetes.txt",
        "lowest.txt",
        "runtime.txt",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_package_is_locked_by_hashes_and_no_address_or_path_is_told(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        remark = line.strip().startswith("#")
        assert remark or PIN.fullmatch(line) or HASH.fullmatch(line), line
        assert "://" not in line
        # The only paths are those within the project.
        assert not re.search(r"(^|[\s=])/", line), line


def test_a_package_has_the_same_version_wherever_it_is_locked() -> None:
    dev = pins("dev.txt")

    for name in ("runtime.txt", "image.txt", "build.txt"):
        assert pins(name).items() <= dev.items()
    assert pins("runtime.txt").items() < pins("image.txt").items()


def test_every_declared_package_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = {PACKAGE.match(line)[0].lower() for line in project["project"]["dependencies"]}  # type: ignore[index]
    tools = project["dependency-groups"]["dev"]
    wanted = {PACKAGE.match(line)[0].lower() for line in tools if isinstance(line, str)}  # type: ignore[index]

    extras = project["project"]["optional-dependencies"].values()
    engines = {PACKAGE.match(line)[0].lower().replace(".", "-") for lines in extras for line in lines}  # type: ignore[index]

    assert declared <= pins("runtime.txt").keys()
    assert declared | engines <= pins("image.txt").keys()
    assert declared | wanted <= pins("dev.txt").keys()
    assert "hatchling" in pins("build.txt")


def test_the_lowest_versions_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(one for lines in project["optional-dependencies"].values() for one in lines)]
    found = pins("lowest.txt")
    for line in lines:
        allowed = re.match(r"(?P<name>[\w.-]+)(\[\w+\])?>=(?P<version>[\d.]+)", line)
        assert allowed, line
        lowest = found[allowed["name"].lower().replace(".", "-")]
        assert f"{lowest}.".startswith(f"{allowed['version']}."), line
