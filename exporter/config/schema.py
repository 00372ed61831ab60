"""Every key of the configuration, declared once: what it wants, its default, and what it is for.

The defaults are those of the settings; the reference in docs/configuration.md is made from here.
"""

from exporter.config.duration import format_duration
from exporter.config.kinds import (
    PROXY_URL,
    BaseUrl,
    Boolean,
    Choice,
    DatabaseUrl,
    Duration,
    HttpUrl,
    Integer,
    ListenAddress,
    Nullable,
    Pattern,
    Seconds,
    SecretText,
    Share,
    StorageUrl,
    Text,
    TimeZone,
    Unlimited,
)
from exporter.config.redis_url import RedisUrlKind
from exporter.config.secret import InlineSecret
from exporter.config.settings import (
    Cache,
    GatewaySource,
    Metrics,
    Polling,
    RateLimit,
    RedisSource,
    Settings,
    SqlSource,
    Storage,
)
from exporter.config.shapes import Field, Listed, Named, Section, Variants
from exporter.core.learned.promise import EFFORTS
from exporter.leadsquared.endpoints import BY_NAME, DEFAULT_API, PLANS, REGIONS

RATE_LIMIT_DEFAULTS = RateLimit()
POLLING_DEFAULTS = Polling()
_CACHE = Cache()
STORAGE_DEFAULTS = Storage()
_METRICS = Metrics()
_GATEWAY = GatewaySource(account="", listen="", name="")

NAME = Text("1 to 64 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit", "[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ACCOUNT_NAME = Text("the name of an account", NAME.pattern)
REQUEST_ID = Text("1 to 128 characters of A-Z a-z 0-9 . _ -", "[A-Za-z0-9._-]{1,128}")
PATH = Text("the path of a file", ".+")
URL_PATH = Text("a path that starts with / and has no query", r"/[!\"$->@-~]*")
SUBMIT_PATH = Text(
    "a path such as /lead/update without a query; * stands for any part of one segment", r"/+[!\"$-.0->@-~][!\"$->@-~]*"
)
VARIABLE = Text("the name of an environment variable", "[A-Za-z_][A-Za-z0-9_]*", masked=True)
PARAMETER = Text("1 to 64 characters of A-Z a-z 0-9 . _ -", "[A-Za-z0-9._-]{1,64}")
HEADER_NAME = Text("the name of a header, such as X-Team", r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
HEADER_VALUE = Text("one line of printable ASCII characters", "[!-~]([ -~]*[!-~])?", masked=True)
HOST_NAME = Text("a host name", "[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
POSITIVE = Duration("> 0")
KEY = Text("the name of a key of Redis", ".{1,512}")
FIELD = Text("the name of a field", ".{1,128}")
QUERY = Text("a SELECT", r"(?s).+", multiline=True)
COLUMN = Text("the name of a column such as id or outbox.id", r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
REDIS_URL = RedisUrlKind()
SQL_URL = DatabaseUrl()
# What an unnamed source of these types has; the keys that have no default are never shown.
REDIS_DEFAULTS = RedisSource(account=None, api=None, url=InlineSecret(""), key="", is_stream=True, consumer="", name="")
SQL_DEFAULTS = SqlSource(account=None, api=None, url=InlineSecret(""), query="", cursor="", name="")

RATE_LIMIT = Section(
    (
        Field(
            "calls",
            Integer(1),
            "Calls in any `period` that LeadSquared allows the account, over all its users.",
            str(RATE_LIMIT_DEFAULTS.calls),
        ),
        Field("plan", Choice(tuple(PLANS)), "The LeadSquared plan, in place of `calls`; it may bring its `daily`."),
        Field("period", POSITIVE, "The window of `calls`.", format_duration(RATE_LIMIT_DEFAULTS.period)),
        Field(
            "daily",
            Unlimited(Integer(1)),
            "Calls in any 24 hours that LeadSquared allows the account; `unlimited` lifts the plan's.",
            "the plan's, else no daily limit",
        ),
        Field("share", Share(), "The part of `calls` and `daily` that this exporter may use.", "0.5"),
    )
)


def _tls(default_name: str) -> Section:
    return Section(
        (
            Field(
                "ca_file",
                PATH,
                "Certificates of the authorities to trust, in PEM format. Python 3.13 and newer, the image's too, take no "
                "certificate without the key identifiers of RFC 5280.",
                "those of the system",
            ),
            Field("cert_file", PATH, "The certificate of this client, in PEM format.", "none"),
            Field("key_file", PATH, "Its key, without a password.", "in `cert_file`"),
            Field("server_name", HOST_NAME, "The name that the server's certificate has to hold.", default_name),
        )
    )


ACCOUNT_TLS = _tls("the host that is called")

API = Section(
    (
        Field("status_path", URL_PATH, "Where the status of a request is asked for.", "see the list of the APIs"),
        Field(
            "metrics_path",
            Nullable(URL_PATH),
            "Where the queue metrics are asked for; `null` turns them off.",
            "see the list of the APIs",
        ),
        Field("request_id_param", PARAMETER, "The query parameter that takes the RequestID.", "RequestID"),
        Field(
            "submit_paths",
            Listed(SUBMIT_PATH, "paths", 1),
            "What the gateway takes for a submission of this API.",
            "every form that is known",
        ),
    )
)

ACCOUNT = Section(
    (
        Field("name", NAME, "The value of the `account` label; unique.", required=True),
        Field("region", Choice(tuple(REGIONS)), "Where the account lives. This or `base_url`."),
        Field("base_url", BaseUrl(), "The asynchronous API's host, in place of `region`."),
        Field("allow_insecure", Boolean(), "Allows an http:// `base_url` that is not loopback.", "false"),
        Field("api_key_file", PATH, "A file that holds the x-api-key; read again when it changes."),
        Field("api_key_env", VARIABLE, "The environment variable that holds the key, in place of `api_key_file`."),
        Field("api_key", SecretText(), "The key itself, in place of `api_key_file`; not recommended."),
        Field("rate_limit", RATE_LIMIT, "What the account may do."),
        Field(
            "proxy_url",
            PROXY_URL,
            "The proxy that the account is called through; `none` for none, whatever the environment says.",
            "`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment",
        ),
        Field("tls", ACCOUNT_TLS, "How LeadSquared, or what stands in its place, is trusted, and trusts this client."),
        Field(
            "apis",
            Named(API, tuple(BY_NAME)),
            "The APIs whose requests are watched; `all`: all of them.",
            DEFAULT_API,
        ),
    )
)

HTTP_INTERVAL = 30.0
HTTP_TIMEOUT = 10.0
HEADER = Section(
    (
        Field("name", HEADER_NAME, "The name of the header.", required=True),
        Field("value_file", PATH, "A file that holds the value. This, `value_env` or `value`."),
        Field("value_env", VARIABLE, "The environment variable that holds it."),
        Field("value", HEADER_VALUE, "The value itself."),
    )
)
TLS = _tls("the host of `url`")

SOURCE_TYPES = Choice(("static", "file", "push", "gateway", "log", "http", "redis", "sql"))
_TYPE = Field("type", SOURCE_TYPES, "How the RequestIDs arrive.", required=True)
_NAME = Field("name", NAME, "The value of the `source` label; unique.", "the type, then type-2, type-3, …")
_ACCOUNT = Field("account", ACCOUNT_NAME, "The account of the RequestIDs.", required=True)
_GROUP_ACCOUNT = Field("account", ACCOUNT_NAME, "The account of groups that name none.", "the only account")
_API = Field("api", Choice(tuple(BY_NAME)), "The API of the RequestIDs; one of the account's.", DEFAULT_API)
_GROUP_API = Field(
    "api", Choice(tuple(BY_NAME)), "The API of groups that name none.", f"{DEFAULT_API}, where configured"
)

_ENTRY_ACCOUNT = Field("account", ACCOUNT_NAME, "The account of entries that name none.", "the only account")
_ENTRY_API = Field(
    "api", Choice(tuple(BY_NAME)), "The API of entries that name none.", f"{DEFAULT_API}, where configured"
)

SOURCE = Variants(
    {
        "static": Section(
            (
                _TYPE,
                _ACCOUNT,
                _API,
                Field("request_ids", Listed(REQUEST_ID, "RequestIDs", 1), "The RequestIDs themselves.", required=True),
                _NAME,
            )
        ),
        "file": Section(
            (
                _TYPE,
                _GROUP_ACCOUNT,
                _GROUP_API,
                Field(
                    "paths",
                    Listed(PATH, "paths", 1),
                    "Files of request groups (.json, .yaml) or of one RequestID a line (.txt), watched; may hold wildcards.",
                    required=True,
                ),
                _NAME,
            )
        ),
        "log": Section(
            (
                _TYPE,
                _ENTRY_ACCOUNT,
                _ENTRY_API,
                Field(
                    "paths",
                    Listed(PATH, "paths", 1),
                    "Log files, followed through rotation; may hold wildcards. `-` is standard input.",
                    required=True,
                ),
                Field(
                    "pattern",
                    Pattern("request_id", ("request_id", "submitted_at", "account", "api", "reference")),
                    "Finds the group `request_id` in a line, any number of times; may have the groups `submitted_at` (RFC 3339), "
                    "`reference`, "
                    "`account` and `api`.",
                    required=True,
                ),
                Field(
                    "read_from",
                    Choice(("beginning", "end")),
                    "Where to begin in files that are there when the source is new; later ones are read whole.",
                    "beginning",
                ),
                _NAME,
            )
        ),
        "http": Section(
            (
                _TYPE,
                _GROUP_ACCOUNT,
                _GROUP_API,
                Field("url", HttpUrl(), "Answers GET with a list of request groups.", required=True),
                Field("interval", Duration(">= 1s"), "How often it is asked.", format_duration(HTTP_INTERVAL)),
                Field("timeout", POSITIVE, "How long one answer may take.", format_duration(HTTP_TIMEOUT)),
                Field("token_file", PATH, "A file that holds a bearer token to send.", "no token"),
                Field("token_env", VARIABLE, "The environment variable that holds it, in place of `token_file`."),
                Field("headers", Listed(HEADER, "headers"), "Headers to send.", "none"),
                Field("tls", TLS, "How an https:// server is trusted, and trusts this client."),
                _NAME,
            )
        ),
        "push": Section(
            (
                _TYPE,
                _GROUP_ACCOUNT,
                _GROUP_API,
                Field("token_file", PATH, "A file that holds the bearer token for writing.", "loopback only"),
                Field("token_env", VARIABLE, "The environment variable that holds it, in place of `token_file`."),
                _NAME,
            )
        ),
        "gateway": Section(
            (
                _TYPE,
                Field(
                    "account", ACCOUNT_NAME, "The account to whose `base_url` everything is forwarded.", required=True
                ),
                Field("listen", ListenAddress(), "Where the application finds the gateway.", required=True),
                Field(
                    "shape",
                    Choice(("polls", "all")),
                    "`polls`: only the exporter's own calls wait for the rate limit; `all`: submissions that would be answered "
                    "429 wait too.",
                    _GATEWAY.shape,
                ),
                Field(
                    "max_wait",
                    POSITIVE,
                    "How long a submission waits at most, with `shape: all`.",
                    format_duration(_GATEWAY.max_wait),
                ),
                Field(
                    "record_timeout",
                    POSITIVE,
                    "How long an answer waits at most until its RequestID is committed.",
                    format_duration(_GATEWAY.record_timeout),
                ),
                Field(
                    "timeout",
                    POSITIVE,
                    "How long LeadSquared may be silent, and how long connecting may take; then the answer is 504. "
                    "An application may be silent for as long in the middle of a body; then it is 408.",
                    format_duration(_GATEWAY.timeout),
                ),
                Field(
                    "reference_header",
                    HEADER_NAME,
                    "The header in which the application tells its own name of a submission; it is kept and not forwarded. Needs "
                    "`references: true`.",
                    "none",
                ),
                _NAME,
            )
        ),
        "redis": Section(
            (
                _TYPE,
                _ENTRY_ACCOUNT,
                _ENTRY_API,
                Field("url_file", PATH, "A file that holds the URL of Redis. This, `url_env` or `url`."),
                Field("url_env", VARIABLE, "The environment variable that holds it."),
                Field("url", REDIS_URL, "The URL itself; best without a password."),
                Field("stream", KEY, "A stream, read by a consumer group. This or `list`."),
                Field(
                    "list", KEY, "A list that applications LPUSH to, in place of `stream`; one exporter can read it."
                ),
                Field(
                    "group",
                    FIELD,
                    "The consumer group of the stream; made where it is not there.",
                    REDIS_DEFAULTS.group,
                ),
                Field(
                    "consumer",
                    FIELD,
                    "The name within the group; unique, and the same after a restart.",
                    "the host name",
                ),
                Field(
                    "payload",
                    FIELD,
                    "The field of an entry that may hold JSON in place of fields.",
                    REDIS_DEFAULTS.payload,
                ),
                Field(
                    "claim_after",
                    POSITIVE,
                    "Entries that another consumer leaves unacknowledged for so long are taken over.",
                    format_duration(REDIS_DEFAULTS.claim_after),
                ),
                _NAME,
            )
        ),
        "sql": Section(
            (
                _TYPE,
                _ENTRY_ACCOUNT,
                _ENTRY_API,
                Field("url_file", PATH, "A file that holds the URL of the database. This, `url_env` or `url`."),
                Field("url_env", VARIABLE, "The environment variable that holds it."),
                Field("url", SQL_URL, "The URL itself; best without a password."),
                Field(
                    "query", QUERY, "A SELECT of rows beyond `:cursor`, ordered by the cursor column.", required=True
                ),
                Field(
                    "cursor",
                    COLUMN,
                    "The column that goes on with each new row: a sequence, or a time that is set with the row.",
                    required=True,
                ),
                Field(
                    "start",
                    FIELD,
                    "What `:cursor` is at the first start: a number, a time or a text.",
                    SQL_DEFAULTS.start,
                ),
                Field(
                    "interval", POSITIVE, "How often new rows are asked for.", format_duration(SQL_DEFAULTS.interval)
                ),
                Field(
                    "look_back",
                    Duration(),
                    "Longer than any transaction that writes such rows: a row may turn up so long after one with a higher cursor.",
                    format_duration(SQL_DEFAULTS.look_back),
                ),
                Field(
                    "timezone",
                    TimeZone(),
                    "The zone of times in the table that have no offset, such as those of DATETIME columns.",
                    SQL_DEFAULTS.timezone,
                ),
                Field("timeout", POSITIVE, "How long one query may take.", format_duration(SQL_DEFAULTS.timeout)),
                _NAME,
            )
        ),
    },
    SOURCE_TYPES,
)

POLLING = Section(
    (
        Field("timeout", POSITIVE, "How long one call may take.", format_duration(POLLING_DEFAULTS.timeout)),
        Field(
            "max_staleness",
            POSITIVE,
            "Every unfinished request is polled at least this often while the budget allows.",
            format_duration(POLLING_DEFAULTS.max_staleness),
        ),
        Field(
            "stuck_after",
            POSITIVE,
            "An unfinished request of this age counts as stuck.",
            format_duration(POLLING_DEFAULTS.stuck_after),
        ),
        Field(
            "give_up_after",
            POSITIVE,
            "An unfinished request of this age is abandoned; one that is older when it comes is asked about before.",
            format_duration(POLLING_DEFAULTS.give_up_after),
        ),
        Field(
            "error_grace",
            Duration(),
            "How long an ERROR may still turn into a success; `0s`: it is final at once.",
            format_duration(POLLING_DEFAULTS.error_grace),
        ),
        Field(
            "not_found_attempts",
            Integer(1),
            "Answers that LeadSquared does not know a RequestID, until it is abandoned.",
            str(POLLING_DEFAULTS.not_found_attempts),
        ),
        Field(
            "policy",
            Choice(("learned", "age", "round_robin")),
            "What is polled next. `learned` polls where an answer is expected to save most delay; `age` after a tenth of "
            "the age; `round_robin` whoever was not asked for longest.",
            POLLING_DEFAULTS.policy,
        ),
        Field(
            "effort",
            Choice(tuple(EFFORTS)),
            "How soon `learned` notices a finish on average, as far as the budget allows: `normal` within a tenth of the "
            "time that requests last or 5 s, whichever is longer, `low` within a third or 30 s, `high` as soon as it can.",
            POLLING_DEFAULTS.effort,
        ),
    )
)

QUEUE_METRICS = Section(
    (
        Field(
            "interval",
            Duration(">= 1s"),
            "How often the queue metrics of each API are asked for.",
            format_duration(Settings(accounts=()).queue_metrics_interval),
        ),
    )
)

CACHE = Section(
    (
        Field(
            "finished_ttl",
            POSITIVE,
            "How long final answers are served again without a call.",
            format_duration(_CACHE.finished_ttl),
        ),
        Field("max_entries", Integer(1), "Answers kept at most.", str(_CACHE.max_entries)),
    )
)

STORAGE = Section(
    (
        Field("url", StorageUrl(), "Where the state is kept; `memory://` forgets it at the end.", STORAGE_DEFAULTS.url),
        Field(
            "retention",
            POSITIVE,
            "How long finished requests are kept after they were last handed in; until then they are known, and not counted again.",
            format_duration(STORAGE_DEFAULTS.retention),
        ),
        Field(
            "max_pending",
            Integer(1),
            "Unfinished requests at most; past it new ones are refused, and none is dropped.",
            str(STORAGE_DEFAULTS.max_pending),
        ),
    )
)

METRICS = Section(
    (
        Field(
            "duration_buckets",
            Listed(Seconds(), "numbers of seconds > 0", 1, 50, ascending=True),
            "Upper bounds of the buckets of the duration histograms, ascending.",
            ", ".join(f"{bound:g}" for bound in _METRICS.duration_buckets),
        ),
        Field(
            "max_reasons",
            Integer(1),
            "Values of the `reason` label at most; the others are `other`.",
            str(_METRICS.max_reasons),
        ),
    )
)

ROOT = Section(
    (
        Field("accounts", Listed(ACCOUNT, "accounts", 1), "The LeadSquared accounts.", required=True),
        Field("sources", Listed(SOURCE, "sources"), "How RequestIDs arrive; several, of any type.", "none"),
        Field("polling", POLLING, "How requests are watched."),
        Field("queue_metrics", QUEUE_METRICS, "The vendor's own figures of its queues."),
        Field("cache", CACHE, "Answers served again without a call."),
        Field("storage", STORAGE, "What survives a restart."),
        Field(
            "references",
            Boolean(),
            "Allows requests to carry a `reference`: what their application knows them by, such as an order number. Whoever turns "
            "it on answers for what is in it; [never put a lead's data there](sources.md#references).",
            "false",
        ),
        Field("metrics", METRICS, "The shape of the metrics."),
    )
)
