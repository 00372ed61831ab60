"""Every rule for an intermediary in RFC 9110 and RFC 9112: where it is kept, and what is tried of it.

`python -m tests.gateway.rules > docs/proxy-rules.md` writes the table for readers.
"""

from dataclasses import dataclass

GET = b"GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the application sends and LeadSquared answers. `status` is what the application gets, None where its connection just
    ends. `up` and `down` are lines that have to arrive as they are, those of `not_up` and `not_down` must not; `calls` is how many
    LeadSquared gets."""

    sent: bytes = GET
    answer: bytes = OK
    ends: bool = False
    status: int | None = 200
    up: tuple[bytes, ...] = ()
    not_up: tuple[bytes, ...] = ()
    down: tuple[bytes, ...] = ()
    not_down: tuple[bytes, ...] = ()
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """`kept` is the module that keeps it; where it is not kept, `why` says so."""

    section: str
    text: str
    kept: str
    cases: tuple[Case, ...]
    why: str = ""


def get(*lines: bytes, version: bytes = b"1.1", target: bytes = b"/a?b=c", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, target, version), b"Host: h", *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return get(*lines, method=b"POST", version=version) + body


def ok(*lines: bytes, line: bytes = b"HTTP/1.1 200 OK", body: bytes = b"ok", length: bool = True) -> bytes:
    framing = (b"Content-Length: %d" % len(body),) if length else ()
    return b"\r\n".join([line, b"Date: x", *lines, *framing, b"", b""]) + body


def refused(sent: bytes, status: int = 400) -> Case:
    return Case(sent=sent, status=status, calls=0)


def bad(answer: bytes) -> Case:
    return Case(answer=answer, status=502)


SERVER, HEAD, CONNECTION = "exporter/http/server.py", "exporter/http/head.py", "exporter/http/connection.py"
HEADERS, MESSAGES, FORWARD = (
    "exporter/gateway/headers.py",
    "exporter/gateway/messages.py",
    "exporter/gateway/forward.py",
)
UPSTREAM, PLACE, CLIENT = "exporter/gateway/upstream.py", "exporter/http/place.py", "exporter/http/client.py"
PARSER = "httptools (llhttp)"

RULES = (
    # RFC 9112
    Rule(
        "9112, 2.2",
        "CR alone within a line is refused, or a blank stands in its place.",
        PARSER,
        (refused(get(b"X: a\rb")), bad(ok(b"X: a\rb")), refused(b"GET /a\r HTTP/1.1\r\nHost: h\r\n\r\n")),
    ),
    Rule(
        "9112, 2.2",
        "Empty lines before a request line are ignored.",
        PARSER,
        (Case(sent=b"\r\n\r\n" + GET, up=(b"GET /a?b=c HTTP/1.1",)),),
    ),
    Rule(
        "9112, 2.2",
        "Blanks between the start line and the first field: refused in a request; in an answer the line is read without them.",
        PARSER,
        (
            refused(b"GET / HTTP/1.1\r\n X: 1\r\nHost: h\r\n\r\n"),
            Case(answer=b"HTTP/1.1 200 OK\r\n X: 1\r\nContent-Length: 0\r\n\r\n", down=(b"X: 1",)),
        ),
    ),
    Rule(
        "9112, 2.3",
        "Each side gets this side's own version, whatever the other one speaks.",
        MESSAGES,
        (
            Case(sent=get(version=b"1.0"), up=(b"GET /a?b=c HTTP/1.1",), down=(b"HTTP/1.0 200 OK",)),
            Case(answer=ok(line=b"HTTP/1.0 200 OK"), down=(b"HTTP/1.1 200 OK",)),
        ),
    ),
    Rule(
        "9112, 2.3",
        "A version that is not spoken is refused.",
        HEAD,
        (
            refused(get(version=b"2.0")),
            refused(get(version=b"1.2")),
            bad(ok(line=b"HTTP/2.0 200 OK")),
            bad(ok(line=b"HTTP/0.9 200 OK")),
        ),
    ),
    Rule(
        "9112, 3",
        "A request line that is none is refused.",
        PARSER,
        (refused(b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),),
    ),
    Rule("9112, 3", "A target that is too long is 414.", SERVER, (refused(get(target=b"/" + b"a" * 70_000), 414),)),
    Rule("9112, 3", "A target of 8,000 octets passes.", SERVER, (Case(sent=get(target=b"/" + b"a" * 8_000)),)),
    Rule(
        "9112, 3.2",
        "HTTP/1.1 without Host, with two, or with one that is none is 400.",
        HEAD,
        (
            refused(b"GET / HTTP/1.1\r\n\r\n"),
            refused(get(b"Host: h")),
            refused(get(b"hOST: i")),
            refused(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
            refused(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
            refused(b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
            Case(sent=b"GET / HTTP/1.0\r\n\r\n"),
            Case(sent=b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
            Case(sent=b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
        ),
    ),
    Rule(
        "9112, 3.2.2",
        "A whole URL as the target: its Host counts for nothing, and LeadSquared gets its own.",
        FORWARD,
        (Case(sent=get(target=b"http://u:p@elsewhere/a?b"), up=(b"GET /a?b HTTP/1.1",), not_up=(b"Host: h",)),),
    ),
    Rule(
        "9112, 3.2.3; 9110, 9.3.6",
        "CONNECT is for proxies: 501.",
        FORWARD,
        (refused(b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501),),
    ),
    Rule(
        "9112, 3.2.4",
        "OPTIONS * is about the gateway itself: 501.",
        FORWARD,
        (refused(get(target=b"*", method=b"OPTIONS"), 501),),
    ),
    Rule(
        "9112, 4; 9110, 15",
        "A status below 100 is none.",
        HEAD,
        (bad(ok(line=b"HTTP/1.1 000 No")), bad(ok(line=b"HTTP/1.1 099 No"))),
    ),
    Rule(
        "9112, 4; 9110, 15",
        "A status of another shape is none; one above 599 is handed on as it is.",
        PARSER,
        (
            bad(ok(line=b"HTTP/1.1 20 OK")),
            bad(ok(line=b"HTTP/1.1 2000 OK")),
            bad(ok(line=b"HTTP/1.1 -20 OK")),
            Case(answer=ok(line=b"HTTP/1.1 999 Denied"), status=999, down=(b"HTTP/1.1 999 Denied",)),
        ),
    ),
    Rule(
        "9112, 4",
        "A reason has no control characters: blanks stand in their place.",
        HEAD,
        (
            Case(answer=ok(line=b"HTTP/1.1 200 a\x00b\x01\x7f"), down=(b"HTTP/1.1 200 a b  ",)),
            Case(answer=ok(line=b"HTTP/1.1 200 \xe9"), down=(b"HTTP/1.1 200 \xe9",)),
        ),
    ),
    Rule(
        "9112, 5.1",
        "A blank before the colon: a request is 400, in an answer it is taken away, or it is 502.",
        CONNECTION,
        (
            refused(get(b"X : 1")),
            refused(get(b"X\t: 1")),
            refused(post(b"Content-Length : 2", body=b"ok")),
            Case(
                answer=b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
                down=(b"Content-Length: 2",),
                not_down=(b"Content-Length : 2",),
            ),
            bad(ok(b"X-One : 1")),
            bad(ok(b"X\t: 1")),
            bad(ok(b"Transfer-Encoding : chunked")),
        ),
    ),
    Rule(
        "9112, 5.2",
        "A folded line: a request is 400, in an answer blanks stand in its place.",
        PARSER,
        (
            refused(get(b"X: a", b" b")),
            Case(answer=ok(b"X: a", b" b", b"\tc"), down=(b"X: a b\tc",)),
        ),
    ),
    Rule(
        "9112, 6.1",
        "Transfer-Encoding beside Content-Length is refused.",
        PARSER,
        (
            refused(post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=CHUNKS)),
            refused(post(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=CHUNKS)),
            bad(ok(b"Transfer-Encoding: chunked", body=CHUNKS)),
        ),
    ),
    Rule(
        "9112, 6.1",
        "A transfer coding that is not spoken, on whichever line it stands: a request is 501, an answer 502.",
        HEAD,
        (
            refused(post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), 501),
            refused(post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=CHUNKS), 501),
            refused(post(b"Transfer-Encoding: identity"), 501),
            refused(post(b"Transfer-Encoding: xchunked", body=CHUNKS), 501),
            bad(ok(b"Transfer-Encoding: gzip, chunked", body=CHUNKS, length=False)),
            bad(ok(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=CHUNKS, length=False)),
            bad(ok(b"Transfer-Encoding: gzip", body=b"ok", length=False)),
        ),
    ),
    Rule(
        "9112, 6.1",
        "Chunked twice is refused.",
        UPSTREAM,
        (
            refused(post(b"Transfer-Encoding: chunked, chunked", body=CHUNKS)),
            refused(post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS)),
            bad(ok(b"Transfer-Encoding: chunked, chunked", body=CHUNKS, length=False)),
            bad(ok(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS, length=False)),
        ),
    ),
    Rule(
        "9112, 6.1",
        "Transfer-Encoding in HTTP/1.0 is refused, and none is sent to who speaks that.",
        HEAD,
        (
            refused(post(b"Transfer-Encoding: chunked", body=CHUNKS, version=b"1.0")),
            bad(ok(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK", body=CHUNKS, length=False)),
            Case(
                sent=get(version=b"1.0"),
                answer=ok(b"Transfer-Encoding: chunked", body=CHUNKS, length=False),
                not_down=(b"Transfer-Encoding: chunked",),
            ),
        ),
    ),
    Rule(
        "9112, 6.1",
        "The transfer coding of one connection is not that of the other; the body is.",
        MESSAGES,
        (
            Case(sent=post(b"Transfer-Encoding: chunked", body=CHUNKS), up=(b"Transfer-Encoding: chunked",)),
            Case(
                answer=ok(b"Transfer-Encoding: chunked", body=CHUNKS, length=False),
                down=(b"Transfer-Encoding: chunked",),
            ),
        ),
    ),
    Rule(
        "9112, 6.2; 9110, 8.6",
        "A length that is none, given twice or as a list: a request is 400, an answer 502.",
        PARSER,
        tuple(
            case
            for value in (b"x", b"-2", b"+2", b"2, 2", b"2\r\nContent-Length: 2", b"99999999999999999999", b"0x2")
            for case in (
                refused(post(b"Content-Length: " + value, body=b"ok")),
                bad(ok(b"Content-Length: " + value, length=False)),
            )
        ),
    ),
    Rule(
        "9110, 8.6",
        "204 has neither length nor body, 304 and the answer to HEAD no body.",
        MESSAGES,
        (
            Case(answer=ok(line=b"HTTP/1.1 204 No Content"), status=204, not_down=(b"Content-Length: 2", b"ok")),
            Case(answer=ok(line=b"HTTP/1.1 304 Not Modified", body=b""), status=304, not_down=(b"ok",)),
            Case(
                sent=get(method=b"HEAD"),
                answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
                down=(b"Content-Length: 2",),
            ),
        ),
    ),
    Rule(
        "9112, 6.3",
        "An answer whose end only the connection tells is handed on with a framing of its own, and one that breaks off breaks off.",
        MESSAGES,
        (
            Case(answer=ok(length=False), ends=True, down=(b"Transfer-Encoding: chunked",)),
            Case(sent=get(version=b"1.0"), answer=ok(length=False), ends=True, not_down=(b"Connection: keep-alive",)),
            Case(answer=ok(b"Content-Length: 9", length=False), ends=True, status=502),
        ),
    ),
    Rule(
        "9112, 7.1",
        "A chunk that is none ends a request in its middle, on both sides.",
        PARSER,
        (
            Case(sent=post(b"Transfer-Encoding: chunked", body=b"g\r\nok\r\n0\r\n\r\n"), status=None),
            Case(sent=post(b"Transfer-Encoding: chunked", body=b"0x2\r\nok\r\n0\r\n\r\n"), status=None),
            Case(sent=post(b"Transfer-Encoding: chunked", body=b"3\r\nok\r\n0\r\n\r\n"), status=None),
            Case(sent=post(b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\nok"), status=None),
        ),
    ),
    Rule(
        "9112, 7.1.1",
        "Chunk extensions are ignored, and their length is bounded.",
        SERVER,
        (
            Case(sent=post(b"Transfer-Encoding: chunked", body=b'2;a="b";c\r\nok\r\n0;d\r\n\r\n'), not_up=(b";a",)),
            Case(sent=post(b"Transfer-Encoding: chunked", body=b"2;" + b"a" * 70_000), status=None),
        ),
    ),
    Rule(
        "9112, 7.1.2; 9110, 6.5",
        "Trailers may be left out, and are never made fields of the head.",
        MESSAGES,
        (
            Case(
                sent=post(b"Transfer-Encoding: chunked", b"Trailer: X", body=b"2\r\nok\r\n0\r\nX: 1\r\n\r\n"),
                not_up=(b"X: 1", b"Trailer: X"),
            ),
            Case(
                answer=ok(
                    b"Transfer-Encoding: chunked", b"Trailer: X", body=b"2\r\nok\r\n0\r\nX: 1\r\n\r\n", length=False
                ),
                not_down=(b"X: 1", b"Trailer: X"),
            ),
        ),
    ),
    Rule(
        "9112, 8",
        "A request that ends in its middle is not a request.",
        MESSAGES,
        (
            Case(sent=post(b"Content-Length: 9", body=b"ok"), status=None, calls=0),
            Case(sent=GET[:-2], status=None, calls=0),
        ),
    ),
    Rule(
        "9112, 9.2; 9.3.2",
        "Answers come in the order of the requests.",
        SERVER,
        (Case(sent=GET + get(target=b"/second"), calls=2, up=(b"GET /second HTTP/1.1",)),),
    ),
    Rule(
        "9112, 9.2",
        "What comes behind an answer is no part of it, and of no other.",
        CONNECTION,
        (Case(answer=OK + OK, not_down=(b"okHTTP/1.1 200 OK",)),),
    ),
    Rule(
        "9112, 9.3; C.2.2",
        "A proxy keeps no connection of HTTP/1.0.",
        SERVER,
        (Case(sent=get(b"Connection: keep-alive", version=b"1.0"), down=(b"Connection: keep-alive",)),),
        why="the gateway is an origin server to its clients (9110, 3.7), and Keep-Alive is never passed on",
    ),
    Rule(
        "9112, 9.6",
        "Connection: close of one side is that side's, and what comes behind such a request is not answered.",
        SERVER,
        (
            Case(sent=get(b"Connection: close") + GET, down=(b"Connection: close",), not_up=(b"Connection: close",)),
            Case(answer=ok(b"Connection: close"), not_down=(b"Connection: close",)),
        ),
    ),
    Rule("9110, 9.2.2", "No call is made twice.", CLIENT, (Case(answer=b"HTTP", ends=True, status=502),)),
    # RFC 9110
    Rule(
        "9110, 5.3",
        "Fields of one name keep their order.",
        HEADERS,
        (
            Case(sent=get(b"X: 2", b"Y: 1", b"x: 1"), up=(b"X: 2", b"Y: 1", b"x: 1")),
            Case(answer=ok(b"Set-Cookie: b", b"Set-Cookie: a"), down=(b"Set-Cookie: b\r\nSet-Cookie: a",)),
        ),
    ),
    Rule(
        "9110, 5.1",
        "A name is a token.",
        PARSER,
        tuple(
            case
            for name in (b"X y", b"X(", b"X\x80", b"", b'"X"')
            for case in (refused(get(name + b": 1")), bad(ok(name + b": 1")))
        ),
    ),
    Rule(
        "9110, 5.1",
        "Unknown fields and methods pass.",
        HEADERS,
        (
            Case(
                sent=get(b"X-Never-Seen: 1"),
                answer=ok(b"X-Seen-Never: 2"),
                up=(b"X-Never-Seen: 1",),
                down=(b"X-Seen-Never: 2",),
            ),
            Case(sent=get(method=b"PROPFIND"), up=(b"PROPFIND /a?b=c HTTP/1.1",)),
        ),
    ),
    Rule(
        "9110, 9.1",
        "A method that the parser does not know, or that is of another protocol, is refused (it should be 501).",
        HEAD,
        (refused(get(method=b"FROB")), refused(get(method=b"SOURCE"), 501)),
        why="the parser has a list of methods, and can't tell an unknown one from what is no HTTP: 400",
    ),
    Rule(
        "9110, 5.5",
        "NUL, CR and LF in a value are refused, or blanks stand in their place.",
        HEAD,
        (refused(get(b"X: a\x00b")), bad(ok(b"X: a\x00b")), refused(get(b"X: a\nb"))),
    ),
    Rule(
        "9110, 5.5",
        "Other control characters in a value: a request is 400, in an answer blanks stand in their place.",
        HEAD,
        (
            refused(get(b"X: a\x01b")),
            refused(get(b"X: a\x7fb")),
            Case(answer=ok(b"X: a\x01\x1b[31m\x7fb"), down=(b"X: a  [31m b",)),
            Case(sent=get(b"X: \xe9"), answer=ok(b"X: \xff"), down=(b"X: \xff",)),
        ),
    ),
    Rule(
        "9110, 5.4",
        "As many fields pass one way as the other: 512.",
        SERVER,
        (
            Case(sent=get(*[b"X: %d" % number for number in range(511)])),
            refused(get(*[b"X: %d" % number for number in range(512)])),
            Case(answer=ok(*[b"X: %d" % number for number in range(510)]), down=(b"X: 509",)),
            bad(ok(*[b"X: %d" % number for number in range(511)])),
        ),
    ),
    Rule(
        "9110, 6.6.1",
        "An answer without a Date gets one.",
        MESSAGES,
        (Case(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", down=(b"Date: ",)),),
    ),
    Rule(
        "9110, 7.2",
        "LeadSquared gets a Host of its own.",
        PLACE,
        (Case(not_up=(b"Host: h",), up=(b"Host: 127.0.0.1",)),),
    ),
    Rule(
        "9110, 7.6.1",
        "Connection, what it names, and what is of one connection only are not passed on.",
        HEADERS,
        (
            Case(
                sent=get(
                    b"Connection: X, keep-alive",
                    b"connection: y",
                    b"X: 1",
                    b"Y: 2",
                    b"Keep-Alive: 3",
                    b"Proxy-Connection: 4",
                    b"TE: 5",
                    b"Z: 6",
                ),
                answer=ok(b"Connection: X", b"X: 1", b"Keep-Alive: 3", b"Proxy-Connection: 4", b"Upgrade: 7", b"Z: 6"),
                up=(b"Z: 6",),
                not_up=(b"X: 1", b"Y: 2", b"Keep-Alive: 3", b"Proxy-Connection: 4", b"TE: 5", b"onnection:"),
                down=(b"Z: 6",),
                not_down=(b"X: 1", b"Keep-Alive: 3", b"Proxy-Connection: 4", b"Upgrade: 7"),
            ),
        ),
    ),
    Rule(
        "9110, 7.6.1",
        "What frames the body stays, whatever Connection names.",
        HEADERS,
        (
            Case(
                sent=post(b"Connection: content-length", b"Content-Length: 2", body=b"ok"), up=(b"Content-Length: 2",)
            ),
            Case(answer=ok(b"Connection: content-length"), down=(b"Content-Length: 2",)),
        ),
    ),
    Rule(
        "9110, 7.6.2; 9.3.7; 9.3.8",
        "Max-Forwards of OPTIONS and TRACE is counted down; at 0 the gateway is the last.",
        MESSAGES,
        (
            Case(
                sent=get(b"Max-Forwards: 2", method=b"OPTIONS"), up=(b"Max-Forwards: 1",), not_up=(b"Max-Forwards: 2",)
            ),
            Case(sent=get(b"Max-Forwards: 1", method=b"TRACE"), up=(b"Max-Forwards: 0",)),
            refused(get(b"Max-Forwards: 0", method=b"OPTIONS"), 204),
            refused(get(b"Max-Forwards: 0", method=b"TRACE"), 501),
            Case(sent=get(b"Max-Forwards: 0"), up=(b"Max-Forwards: 0",)),
            Case(sent=get(b"Max-Forwards: x", method=b"OPTIONS"), up=(b"Max-Forwards: x",)),
        ),
    ),
    Rule(
        "9110, 7.6.3",
        "An intermediary adds itself to Via.",
        HEADERS,
        (Case(sent=get(b"Via: 1.1 a"), answer=ok(b"Via: 1.1 b"), up=(b"Via: 1.1 a",), down=(b"Via: 1.1 b",)),),
        why="LeadSquared is to see the application's own call, and the application LeadSquared's own answer; what is there passes",
    ),
    Rule(
        "9110, 7.7",
        "Path and query pass as they are, byte for byte, but for max_age, which is meant for the gateway.",
        FORWARD,
        (Case(sent=get(target=b"//a/../%41%2f?x=%20+&;y"), up=(b"GET //a/../%41%2f?x=%20+&;y HTTP/1.1",)),),
    ),
    Rule(
        "9110, 7.7; 11.6",
        "Content, its codings, and what proves who asks pass as they are.",
        HEADERS,
        (
            Case(
                sent=get(b"Authorization: Basic eDp5", b"Cookie: a=b", b"Accept-Encoding: rot13"),
                answer=ok(b"WWW-Authenticate: Basic", b"Content-Encoding: rot13", b"Cache-Control: no-transform"),
                up=(b"Authorization: Basic eDp5", b"Cookie: a=b", b"Accept-Encoding: rot13"),
                down=(
                    b"WWW-Authenticate: Basic",
                    b"Content-Encoding: rot13",
                    b"Cache-Control: no-transform",
                    b"\r\n\r\nok",
                ),
            ),
        ),
    ),
    Rule(
        "9110, 7.8; 15.2.2",
        "Another protocol is not spoken: the wish is not passed on, and a switch that was not asked for is 502.",
        CONNECTION,
        (
            Case(
                sent=get(b"Connection: Upgrade", b"Upgrade: h2c"),
                not_up=(b"Upgrade: h2c",),
                down=(b"Connection: close",),
            ),
            bad(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
            bad(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK),
        ),
    ),
    Rule(
        "9110, 10.1.1",
        "Expect: 100-continue is answered here and not passed on; HTTP/1.0 is not answered so.",
        MESSAGES,
        (
            Case(
                sent=post(b"Expect: 100-continue", b"Content-Length: 2", body=b"ok"), not_up=(b"Expect: 100-continue",)
            ),
            Case(
                sent=post(b"Expect: 100-continue", b"Content-Length: 2", body=b"ok", version=b"1.0"),
                not_down=(b"100 Continue",),
            ),
        ),
    ),
    Rule(
        "9110, 11.7",
        "What is between a client and its proxy ends here.",
        HEADERS,
        (
            Case(
                sent=get(b"Proxy-Authorization: Basic eDp5"),
                answer=ok(b"Proxy-Authenticate: Basic"),
                not_up=(b"Proxy-Authorization: Basic eDp5",),
                not_down=(b"Proxy-Authenticate: Basic",),
            ),
        ),
    ),
    Rule(
        "9110, 15.2",
        "Interim answers pass, to who speaks HTTP/1.1, but for 100, which is the gateway's own; their length is bounded.",
        MESSAGES,
        (
            Case(
                answer=b"HTTP/1.1 103 Early Hints\r\nLink: a\r\nConnection: b\r\nb: 1\r\n\r\n" + OK,
                status=103,
                down=(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK",),
                not_down=(b"b: 1",),
            ),
            Case(sent=get(version=b"1.0"), answer=b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, not_down=(b"103",)),
            Case(answer=b"HTTP/1.1 100 Continue\r\n\r\n" + OK, not_down=(b"100",)),
            bad(b"HTTP/1.1 103 Early Hints\r\nLink: abcdefghijklmnopqrstuvwxyz\r\n\r\n" * 1_500 + OK),
        ),
    ),
    Rule(
        "9110, 15.4",
        "Redirects are the application's to follow.",
        FORWARD,
        (Case(answer=ok(b"Location: /b", line=b"HTTP/1.1 302 Found"), status=302, down=(b"Location: /b",)),),
    ),
)


def render() -> str:
    lines = [
        "# Rules for an intermediary",
        "",
        "<!-- Made by `python -m tests.gateway.rules > docs/proxy-rules.md`. Change tests/gateway/rules.py instead. -->",
        "",
        "What RFC 9110 and RFC 9112 ask of those that stand between a client and a server, and where the [gateway](gateway.md)",
        "keeps it. Each rule is tried through a real gateway, whole and byte by byte in both directions.",
        "",
        "| RFC | rule | kept by |",
        "|---|---|---|",
    ]
    lines += [f"| {rule.section} | {rule.text} | {_kept(rule)} |" for rule in RULES]
    return "\n".join(lines) + "\n"


def _kept(rule: Rule) -> str:
    kept = rule.kept if rule.kept == PARSER else f"`{rule.kept}`"
    return f"not kept: {rule.why}" if rule.why else kept


if __name__ == "__main__":
    print(render(), end="")
