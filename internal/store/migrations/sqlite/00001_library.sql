-- Ids are texts (o_id), times are UTC microseconds, booleans 0 or 1.

-- +goose Up

-- "PERS": tells a library from any other SQLite file.
PRAGMA application_id = 1346720339;

CREATE TABLE organizations (
    o_id       TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    slug       TEXT NOT NULL UNIQUE,
    domain     TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workspaces (
    o_id              TEXT PRIMARY KEY,
    organization_o_id TEXT NOT NULL REFERENCES organizations (o_id),
    name              TEXT NOT NULL,
    domain            TEXT,
    created_at        INTEGER NOT NULL,
    UNIQUE (organization_o_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    o_id              TEXT PRIMARY KEY,
    organization_o_id TEXT NOT NULL REFERENCES organizations (o_id),
    first_name        TEXT NOT NULL,
    last_name         TEXT NOT NULL,
    email             TEXT,
    role              TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    created_at        INTEGER NOT NULL,
    UNIQUE (organization_o_id, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    o_id           TEXT PRIMARY KEY,
    workspace_o_id TEXT NOT NULL REFERENCES workspaces (o_id),
    user_o_id      TEXT NOT NULL REFERENCES users (o_id),
    name           TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    secret_digest  BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_workspace ON api_keys (workspace_o_id, created_at, o_id);

-- document holds, as JSON, what is only ever read and written whole: the lists,
-- the custom fields and the qualifying questions (docs/adr/0003).
CREATE TABLE personas (
    id             INTEGER PRIMARY KEY,
    workspace_o_id TEXT NOT NULL REFERENCES workspaces (o_id),
    o_id           TEXT NOT NULL,
    user_o_id      TEXT NOT NULL REFERENCES users (o_id),
    name           TEXT NOT NULL,
    internal_name  TEXT,
    description    TEXT,
    active         INTEGER NOT NULL CHECK (active IN (0, 1)),
    unrecognized   INTEGER NOT NULL CHECK (unrecognized IN (0, 1)),
    rejected       INTEGER NOT NULL CHECK (rejected IN (0, 1)),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    archived_at    INTEGER,
    deleted_at     INTEGER,
    document       TEXT NOT NULL,
    UNIQUE (workspace_o_id, o_id)
) STRICT;

CREATE INDEX personas_by_age ON personas (workspace_o_id, created_at, o_id);
