import pytest

from exporter.cli import main
from tests.cli.process import run
from tests.cli.server import Reply, serving


def test_a_healthy_exporter_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Reply(200, b"healthy\n")) as server:
        assert main(["healthcheck", f"--url={server.url}/"]) == 0
        assert main(["healthcheck", f"--url={server.url}", "--ready"]) == 0

    assert [asked.path for asked in server.asked] == ["/-/healthy", "/-/ready"]
    assert capsys.readouterr() == ("healthy\nready\n", "")


def test_an_unhealthy_exporter_is_status_1_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Reply(503, {"error": "the poll loop stands still", "details": []})) as server:
        assert main(["healthcheck", f"--url={server.url}"]) == 1

    assert capsys.readouterr() == ("", "the poll loop stands still\n")


def test_an_absent_exporter_is_status_1() -> None:
    with serving(Reply()) as server:
        url = server.url
    ended = run(["healthcheck"], variables={"LEADSQUARED_EXPORTER_URL": url})

    told = f"{url} does not answer: connection refused; is the exporter running there?\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)
