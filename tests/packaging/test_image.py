import json
import re
import subprocess
import sys
from pathlib import Path

from exporter import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
FINAL = DOCKERFILE.rpartition("\nFROM ")[2]


def instruction(name: str, text: str = FINAL) -> list[str]:
    joined = text.replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_image_runs_as_a_numeric_user_without_rights() -> None:
    (user,) = instruction("USER")

    assert re.fullmatch(r"[1-9][0-9]{3,}:[1-9][0-9]{3,}", user)


def test_all_that_is_written_lies_in_the_volume() -> None:
    assert instruction("VOLUME") == instruction("WORKDIR") == ["/var/lib/leadsquared-exporter"]
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(instruction("ENV"))


def test_the_image_runs_the_program_and_asks_it_for_its_health() -> None:
    assert instruction("ENTRYPOINT") == ['["leadsquared-exporter"]']
    assert instruction("EXPOSE") == ["10040"]
    (check,) = instruction("HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2]) == ["leadsquared-exporter", "healthcheck"]


def test_the_label_has_the_version_of_the_package() -> None:
    assert f"VERSION={__version__}" in instruction("ARG")
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_only_locked_packages_get_in() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]+", DOCKERFILE.replace("\\\n", " "))

    assert len(installs) == 4
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_the_image_has_the_engines_of_all_sources_unless_told_to_leave_them_out() -> None:
    (chosen,) = [
        value
        for name, _, value in (one.partition("=") for one in instruction("ARG", DOCKERFILE))
        if name == "REQUIREMENTS"
    ]
    (copied,) = [line for line in instruction("COPY", DOCKERFILE) if line.startswith("requirements/")]

    assert chosen == "image"
    assert '-r "requirements/${REQUIREMENTS}.txt"' in DOCKERFILE
    assert {"requirements/image.txt", "requirements/runtime.txt"} < set(copied.split())


def test_nothing_but_what_is_built_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    copied = [word for line in instruction("COPY", DOCKERFILE) if "--from" not in line for word in line.split()[:-1]]

    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied)
