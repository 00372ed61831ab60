import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import PushSource
from exporter.errors import ConfigurationError, SourceUnreadable
from exporter.sources import push
from tests.sources.twins import Health


def source(name: str, token: str | None = None) -> PushSource:
    return PushSource(account=None, api=None, token=None if token is None else InlineSecret(token), name=name)


def authorised(sources: list[PushSource], *, authorization: str | None, remote: str | None) -> PushSource | None:
    health = Health()
    named = push.authorised(sources, authorization=authorization, remote=remote, health=health)
    # Whoever calls, a source that works is not told to be down.
    assert health.story == []
    return named


class Unreadable:
    def reveal(self) -> str:
        raise ConfigurationError(["push.token: there is no such file"])


@pytest.mark.parametrize(
    ("remote", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_without_a_token_only_this_machine_may_write(remote: str | None, allowed: bool) -> None:
    named = authorised([source("push-0")], authorization=None, remote=remote)
    assert (named is not None) is allowed


def test_without_a_push_source_this_machine_writes_as_push() -> None:
    assert authorised([], authorization=None, remote="127.0.0.1") == source("push")


def test_the_token_tells_which_source_writes_from_anywhere() -> None:
    sources = [source("open"), source("first", "one"), source("second", "two")]
    assert authorised(sources, authorization="Bearer two", remote="10.0.0.1") == sources[2]
    assert authorised(sources, authorization="bearer  one", remote=None) == sources[1]


@pytest.mark.parametrize(
    "header", [None, "", "one", "Bearer", "Bearer ", "Bearer On", "Bearer onee", "Basic one", "Bearer öne"]
)
def test_with_a_token_nobody_writes_without_it_not_even_this_machine(header: str | None) -> None:
    sources = [source("open"), source("first", "one")]
    assert authorised(sources, authorization=header, remote="127.0.0.1") is None


def test_an_empty_token_lets_nobody_in() -> None:
    assert authorised([source("first", "")], authorization="Bearer ", remote="127.0.0.1") is None


def test_who_sends_no_token_is_refused_even_while_none_can_be_read() -> None:
    broken = PushSource(account=None, api=None, token=Unreadable(), name="broken")
    assert authorised([broken], authorization=None, remote="127.0.0.1") is None


def test_a_token_that_can_not_be_read_shuts_its_source_and_no_other() -> None:
    broken = PushSource(account=None, api=None, token=Unreadable(), name="broken")
    sources = [broken, source("first", "one")]
    health = Health()
    assert push.authorised(sources, authorization="Bearer one", remote=None, health=health) == sources[1]
    with pytest.raises(SourceUnreadable):
        push.authorised([broken], authorization="Bearer one", remote="127.0.0.1", health=health)
    assert health.story == ["broken down: push.token: there is no such file"] * 2
