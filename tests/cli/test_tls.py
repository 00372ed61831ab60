from pathlib import Path

import pytest

from exporter import cli
from tests.certificates import self_signed, server_context
from tests.cli.server import Reply, serving


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


def test_the_ca_file_is_what_add_trusts(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Reply(202, {"accepted": 1, "known": 0}), context=server_context(certificate)) as server:
        assert cli.main(["add", f"--url={server.url}", f"--ca-file={certificate}", "a"]) == 0
        assert cli.main(["add", f"--url={server.url}", "a"]) == 1

    assert len(server.asked) == 1
    assert "its certificate can't be verified (self-signed certificate); --ca-file names" in capsys.readouterr().err


def test_a_health_check_takes_any_certificate(certificate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Reply(200, b"healthy\n"), context=server_context(certificate)) as server:
        assert cli.main(["healthcheck", f"--url={server.url}"]) == 0

    assert capsys.readouterr() == ("healthy\n", "")
