-- Ids are texts (o_id), times are UTC microseconds. Versions are those of
-- SQLite's steps: this is the first that was ever made here.
--
-- Text compares by code point, whatever the database's own order is.

-- +goose Up

-- Tells a library from the tables of any other program.
CREATE TABLE personae_library (made_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE organizations (
    o_id       text COLLATE "C" PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    slug       text COLLATE "C" NOT NULL UNIQUE,
    domain     text COLLATE "C",
    created_at bigint NOT NULL
);

CREATE TABLE workspaces (
    o_id              text COLLATE "C" PRIMARY KEY,
    organization_o_id text COLLATE "C" NOT NULL REFERENCES organizations (o_id),
    name              text COLLATE "C" NOT NULL,
    domain            text COLLATE "C",
    created_at        bigint NOT NULL,
    -- What the words of a workspace begin with in personas_search.
    number            bigint NOT NULL UNIQUE,
    UNIQUE (organization_o_id, name)
);

CREATE TABLE users (
    o_id              text COLLATE "C" PRIMARY KEY,
    organization_o_id text COLLATE "C" NOT NULL REFERENCES organizations (o_id),
    first_name        text COLLATE "C" NOT NULL,
    last_name         text COLLATE "C" NOT NULL,
    email             text COLLATE "C",
    role              text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'member')),
    created_at        bigint NOT NULL,
    UNIQUE (organization_o_id, email)
);

CREATE TABLE api_keys (
    o_id           text COLLATE "C" PRIMARY KEY,
    workspace_o_id text COLLATE "C" NOT NULL REFERENCES workspaces (o_id),
    user_o_id      text COLLATE "C" NOT NULL REFERENCES users (o_id),
    name           text COLLATE "C" NOT NULL,
    scopes         text COLLATE "C" NOT NULL,
    secret_digest  bytea NOT NULL,
    created_at     bigint NOT NULL,
    expires_at     bigint,
    revoked_at     bigint,
    last_used_at   bigint
);

CREATE INDEX api_keys_by_workspace ON api_keys (workspace_o_id, created_at, o_id);

-- document holds, as JSON, what is only ever read and written whole: the lists,
-- the custom fields and the qualifying questions (docs/adr/0003). It is text, as
-- jsonb would not give back what it was given.
CREATE TABLE personas (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_o_id        text COLLATE "C" NOT NULL REFERENCES workspaces (o_id),
    o_id                  text COLLATE "C" NOT NULL,
    user_o_id             text COLLATE "C" NOT NULL REFERENCES users (o_id),
    name                  text COLLATE "C" NOT NULL,
    internal_name         text COLLATE "C",
    description           text COLLATE "C",
    active                boolean NOT NULL,
    unrecognized          boolean NOT NULL,
    rejected              boolean NOT NULL,
    created_at            bigint NOT NULL,
    updated_at            bigint NOT NULL,
    archived_at           bigint,
    deleted_at            bigint,
    primary_offering_o_id text COLLATE "C",
    offering_mode         text COLLATE "C" CHECK (offering_mode IN ('ALL', 'SPECIFIC')),
    document              text COLLATE "C" NOT NULL,
    UNIQUE (workspace_o_id, o_id)
);

CREATE INDEX personas_by_age ON personas (workspace_o_id, created_at, o_id);

-- The usual list: newest first, without what is archived or deleted.
CREATE INDEX personas_listed ON personas (workspace_o_id, created_at DESC, o_id)
    WHERE archived_at IS NULL AND deleted_at IS NULL;

CREATE INDEX personas_deleted ON personas (deleted_at) WHERE deleted_at IS NOT NULL;

-- What a persona is linked to: opaque ids of offerings and playbooks.
-- offering_mode ALL is kept as such, and not expanded.
CREATE TABLE persona_links (
    persona_id  bigint NOT NULL REFERENCES personas (id) ON DELETE CASCADE,
    kind        text COLLATE "C" NOT NULL CHECK (kind IN ('offering', 'playbook')),
    target_o_id text COLLATE "C" NOT NULL,
    position    integer NOT NULL,
    PRIMARY KEY (persona_id, kind, position)
);

CREATE INDEX persona_links_by_target ON persona_links (target_o_id, kind, persona_id);

-- The words of each persona (docs/adr/0013), with A for names, B for job titles
-- and D for the rest. Each begins with the number of its workspace and with a
-- letter for what happened to the persona.
CREATE TABLE personas_search (
    persona_id bigint PRIMARY KEY REFERENCES personas (id) ON DELETE CASCADE,
    words      tsvector NOT NULL
);

CREATE INDEX personas_search_by_word ON personas_search USING gin (words) WITH (fastupdate = off);

-- One row for every change of a persona, with the whole persona as it was then.
CREATE TABLE revisions (
    o_id       text COLLATE "C" PRIMARY KEY,
    persona_id bigint NOT NULL REFERENCES personas (id) ON DELETE CASCADE,
    number     bigint NOT NULL,
    action     text COLLATE "C" NOT NULL,
    user_o_id  text COLLATE "C" NOT NULL REFERENCES users (o_id),
    key_o_id   text COLLATE "C",
    created_at bigint NOT NULL,
    snapshot   text COLLATE "C" NOT NULL,
    UNIQUE (persona_id, number)
);

-- First answers to creates with an Idempotency-Key.
CREATE TABLE idempotent_answers (
    workspace_o_id text COLLATE "C" NOT NULL REFERENCES workspaces (o_id),
    key            text COLLATE "C" NOT NULL,
    persona_o_id   text COLLATE "C" NOT NULL,
    body_digest    bytea NOT NULL,
    answer         text COLLATE "C" NOT NULL,
    etag           text COLLATE "C" NOT NULL,
    created_at     bigint NOT NULL,
    PRIMARY KEY (workspace_o_id, key)
);

CREATE INDEX idempotent_answers_by_age ON idempotent_answers (created_at);
CREATE INDEX idempotent_answers_by_persona ON idempotent_answers (workspace_o_id, persona_o_id);
