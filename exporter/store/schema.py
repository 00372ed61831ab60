"""The tables, and how an older file becomes a newer one."""

from exporter.store.connection import Schema

# In the header of the file ("LSQX"): tells a database of ours from one of another program.
APPLICATION_ID = 0x4C535158

_REQUEST_COLUMNS = """
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    account TEXT NOT NULL,
    api TEXT NOT NULL,
    source TEXT NOT NULL,
    submitted REAL,
    first_seen REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    status TEXT NOT NULL DEFAULT 'unknown',
    current_step TEXT NOT NULL DEFAULT 'none',
    last_step TEXT NOT NULL DEFAULT 'none',
    polls INTEGER NOT NULL DEFAULT 0,
    answered REAL,
    unfinished REAL,
    errored REAL,
    errored_after REAL,
    failed INTEGER NOT NULL DEFAULT 0,
    not_found INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    cause TEXT,
    finished_after REAL,
    finished REAL,
    transitions TEXT NOT NULL DEFAULT ''"""

# One entry a version; a file's PRAGMA user_version says how many it has had. What an older program could not read takes a new
# one even where no table changes, such as a new word in a column: then that program refuses the file and says why.
MIGRATIONS = (
    f"""
    CREATE TABLE requests (
        {_REQUEST_COLUMNS}, UNIQUE (request_id)
    );
    CREATE INDEX requests_pending ON requests (sequence) WHERE state = 'pending';
    CREATE INDEX requests_ended ON requests (finished) WHERE state <> 'pending';
    CREATE TABLE counters (
        counter TEXT, labels TEXT, count INTEGER NOT NULL, PRIMARY KEY (counter, labels)
    ) WITHOUT ROWID;
    CREATE TABLE buckets (
        histogram TEXT, labels TEXT, bound REAL, count INTEGER NOT NULL, PRIMARY KEY (histogram, labels, bound)
    ) WITHOUT ROWID;
    CREATE TABLE totals (
        histogram TEXT, labels TEXT, total REAL NOT NULL, PRIMARY KEY (histogram, labels)
    ) WITHOUT ROWID;
    CREATE TABLE spent_calls (
        account TEXT, window TEXT, key INTEGER, calls INTEGER NOT NULL, time REAL, PRIMARY KEY (account, window, key)
    ) WITHOUT ROWID;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('stopped_cleanly', 0), ('batch', 0);
    """,  # noqa: S608
    """
    CREATE TABLE cursors (
        source TEXT, part TEXT, position TEXT NOT NULL, PRIMARY KEY (source, part)
    ) WITHOUT ROWID;
    """,
    # An index over random names is most of the work of an intake, and more the larger it is. Memory knows what is pending, so
    # only those that have ended are found by name.
    f"""
    ALTER TABLE requests RENAME TO former;
    CREATE TABLE requests (
        {_REQUEST_COLUMNS}
    );
    INSERT INTO requests SELECT * FROM former;
    -- Numbers of requests that were pruned are not used again either.
    DELETE FROM sqlite_sequence WHERE name = 'requests';
    UPDATE sqlite_sequence SET name = 'requests' WHERE name = 'former';
    DROP TABLE former;
    CREATE INDEX requests_pending ON requests (sequence) WHERE state = 'pending';
    CREATE INDEX requests_ended ON requests (finished) WHERE state <> 'pending';
    CREATE INDEX requests_named ON requests (request_id) WHERE state <> 'pending';
    """,  # noqa: S608
    # What a source still lists must not be forgotten, or it counts again.
    """
    ALTER TABLE requests ADD COLUMN handed_in REAL;
    DROP INDEX requests_ended;
    CREATE INDEX requests_ended ON requests (max(finished, coalesce(handed_in, 0))) WHERE state <> 'pending';
    """,
    # Who hands in none pays for no index.
    """
    ALTER TABLE requests ADD COLUMN reference TEXT;
    CREATE INDEX requests_referenced ON requests (reference) WHERE reference IS NOT NULL;
    """,
)

SCHEMA = Schema(APPLICATION_ID, MIGRATIONS, setting="storage.url")
