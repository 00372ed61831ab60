from exporter import cli
from exporter.manual import manual
from tests.cli.process import ROOT


def test_the_manual_is_as_the_code_says() -> None:
    assert (ROOT / "docs" / "command-line.md").read_text("utf-8") == manual(), "run: make docs"


def test_the_manual_has_every_command_flag_and_variable() -> None:
    text = manual()

    for command in cli.COMMANDS:
        assert f"\n## {command.name}\n" in text
    for flag in cli.FLAGS:
        assert f"`--{flag.name}" in text
        assert f"`{flag.variable}`" in text
