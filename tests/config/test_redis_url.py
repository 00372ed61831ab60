import pytest

from exporter.config.redis_url import parse


def test_a_sentinel_is_not_told_the_password_of_the_server() -> None:
    url = parse("rediss+sentinel://me:s3cret@one,two:1/orders/3?ssl_cert_reqs=none&sentinel_password=t%26&db=4")
    assert url is not None
    assert url.nodes == (("one", 26379), ("two", 1))
    assert url.service == "orders"
    assert url.sentinel(("one", 26379)) == "rediss://one:26379?ssl_cert_reqs=none&password=t%26"
    assert url.server(("::1", 6379)) == "rediss://me:s3cret@[::1]:6379/3?ssl_cert_reqs=none&db=4"


def test_a_server_of_a_cluster_is_asked_with_the_password() -> None:
    url = parse("redis+cluster://:s3cret@[::1],two:7001")
    assert url is not None
    assert url.nodes == (("::1", 6379), ("two", 7001))
    assert url.server(("two", 7001)) == "redis://:s3cret@two:7001/0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://localhost", False),
        ("redis://me@localhost", False),
        ("redis://me:one@localhost", True),
        ("unix:///run/redis.sock?password=one", True),
        ("redis+sentinel://one,two/orders", False),
        ("redis+sentinel://one,two/orders?sentinel_password=one", True),
        ("redis+sentinel://:one@one,two/orders", True),
    ],
)
def test_a_url_tells_whether_it_holds_a_password(text: str, expected: bool) -> None:
    url = parse(text)
    assert url is not None
    assert url.has_password is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "redis://",
        "http://localhost",
        "redis+sentinel://one",
        "redis+sentinel://one/",
        "redis+sentinel://one/orders/x",
        "redis+sentinel://one:0/orders",
        "redis+sentinel:///orders",
        "redis+cluster://one/1",
        "redis+cluster://",
        "redis+sentinel://one/orders#x",
        "unix+sentinel://one/orders",
    ],
)
def test_what_is_no_url_of_redis_is_refused(text: str) -> None:
    assert parse(text) is None
