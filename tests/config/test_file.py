from errno import EACCES, EIO, ENOTDIR

import pytest

from exporter.config.file import reason


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(EACCES, "Permission denied"), "this user may not read it"),
        (OSError(ENOTDIR, "Not a directory"), "there is no such file"),
        (OSError(EIO, "Input/output error"), "Input/output error"),
        (OSError(), "it can't be read"),
    ],
)
def test_why_a_file_can_not_be_read_is_told_in_words(error: OSError, told: str) -> None:
    assert reason(error) == told
