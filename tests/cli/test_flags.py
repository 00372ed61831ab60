import argparse
from collections.abc import Mapping

import pytest

from exporter import cli
from exporter.cli import main_parser
from exporter.flags import Flag, Parser


def read(*arguments: str, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    return main_parser().read(arguments, environment or {})


def test_without_flags_the_defaults_hold() -> None:
    found = read()

    assert (found.config_file, found.config_check) == ("config.yaml", False)
    assert (found.web_listen_address, found.web_config_file) == ((":10040",), None)
    assert (found.web_telemetry_path, found.web_enable_lifecycle) == ("/metrics", False)
    assert (found.log_level, found.log_format) == ("info", "logfmt")


def test_values_follow_after_an_equals_sign_or_a_blank() -> None:
    assert read("--config.file=a.yaml").config_file == "a.yaml"
    assert read("--config.file", "a.yaml").config_file == "a.yaml"
    assert read("--web.listen-address=:0").web_listen_address == (":0",)


def test_a_repeated_address_replaces_the_default() -> None:
    found = read("--web.listen-address=127.0.0.1:1", "--web.listen-address=[::1]:2")

    assert found.web_listen_address == ("127.0.0.1:1", "[::1]:2")


VARIABLES = {
    "LEADSQUARED_EXPORTER_CONFIG_FILE": "env.yaml",
    "LEADSQUARED_EXPORTER_CONFIG_AUTO_RELOAD_INTERVAL": "30s",
    "LEADSQUARED_EXPORTER_CONFIG_CHECK": "true",
    "LEADSQUARED_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:1, [::1]:2",
    "LEADSQUARED_EXPORTER_WEB_CONFIG_FILE": "web.yaml",
    "LEADSQUARED_EXPORTER_WEB_TELEMETRY_PATH": "/m",
    "LEADSQUARED_EXPORTER_WEB_EXTERNAL_URL": "https://ops.example.com/lsq",
    "LEADSQUARED_EXPORTER_WEB_ROUTE_PREFIX": "/",
    "LEADSQUARED_EXPORTER_WEB_ENABLE_LIFECYCLE": "1",
    "LEADSQUARED_EXPORTER_SHUTDOWN_GRACE_PERIOD": "1m",
    "LEADSQUARED_EXPORTER_EVENT_LOOP": "asyncio",
    "LEADSQUARED_EXPORTER_LOG_LEVEL": "debug",
    "LEADSQUARED_EXPORTER_LOG_FORMAT": "json",
}


def test_every_flag_has_its_environment_variable() -> None:
    assert [flag.variable for flag in cli.FLAGS] == list(VARIABLES)

    assert vars(read(environment=VARIABLES)) == {
        "command": None,
        "config_file": "env.yaml",
        "config_auto_reload_interval": "30s",
        "config_check": True,
        "web_listen_address": ("127.0.0.1:1", "[::1]:2"),
        "web_config_file": "web.yaml",
        "web_telemetry_path": "/m",
        "web_external_url": "https://ops.example.com/lsq",
        "web_route_prefix": "/",
        "web_enable_lifecycle": True,
        "shutdown_grace_period": "1m",
        "event_loop": "asyncio",
        "log_level": "debug",
        "log_format": "json",
    }


def test_the_command_line_wins_over_the_environment() -> None:
    found = read("--config.file=a.yaml", "--no-web.enable-lifecycle", "--web.listen-address=:3", environment=VARIABLES)

    assert (found.config_file, found.web_enable_lifecycle, found.web_listen_address) == ("a.yaml", False, (":3",))


def test_an_empty_variable_is_none() -> None:
    found = read(environment=dict.fromkeys(VARIABLES, ""))

    assert vars(found) == vars(read())


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--config"], {}, "unrecognized arguments: --config"),
        (["--config.file"], {}, "argument --config.file: expected one argument"),
        (["--log.level=loud"], {}, "argument --log.level: must be one of debug, info, warn, error, got loud"),
        (
            ["--web.external-url=exporter.example"],
            {},
            "argument --web.external-url: must be a URL such as https://ops.example.com/leadsquared,"
            " without user and query, got exporter.example",
        ),
        (
            ["--web.listen-address=10040"],
            {},
            "argument --web.listen-address: must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040, got 10040",
        ),
        (
            ["--web.listen-address=:70000"],
            {},
            "argument --web.listen-address: must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040, got :70000",
        ),
        (["--web.telemetry-path=m"], {}, "argument --web.telemetry-path: must be a path such as /metrics, got m"),
        (
            ["--web.telemetry-path=/-/healthy"],
            {},
            "argument --web.telemetry-path: must be a path that nothing else is found under, such as /metrics, "
            "got /-/healthy",
        ),
        (
            ["--config.auto-reload-interval=30"],
            {},
            "argument --config.auto-reload-interval: must be a duration such as 30s or 1h30m, got 30",
        ),
        (["--event-loop=libev"], {}, "argument --event-loop: must be one of auto, uvloop, asyncio, got libev"),
        (
            [],
            {"LEADSQUARED_EXPORTER_LOG_LEVEL": "loud"},
            "environment variable LEADSQUARED_EXPORTER_LOG_LEVEL: must be one of debug, info, warn, error, got loud",
        ),
        (
            [],
            {"LEADSQUARED_EXPORTER_CONFIG_CHECK": "maybe"},
            "environment variable LEADSQUARED_EXPORTER_CONFIG_CHECK: must be true or false, got maybe",
        ),
        (
            [],
            {"LEADSQUARED_EXPORTER_WEB_LISTEN_ADDRESS": ":1,x"},
            "environment variable LEADSQUARED_EXPORTER_WEB_LISTEN_ADDRESS: "
            "must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040, got x",
        ),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    arguments: list[str], environment: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main_parser().read(arguments, environment)

    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"leadsquared-exporter: error: {told}, try --help\n")


def test_a_percent_sign_in_a_help_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="p", description="d")
    parser.declare([Flag(name="share", metavar="S", default="50%", help="in %")])

    with pytest.raises(SystemExit) as ended:
        parser.read(["--help"], {})

    assert ended.value.code == 0
    assert "in % (default 50%) [LEADSQUARED_EXPORTER_SHARE]" in " ".join(capsys.readouterr().out.split())
