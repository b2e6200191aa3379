-- +goose Up

-- What a persona is linked to: opaque ids of offerings and playbooks.
-- offering_mode ALL is kept as such, and not expanded.
ALTER TABLE personas ADD COLUMN primary_offering_o_id TEXT;
ALTER TABLE personas ADD COLUMN offering_mode TEXT CHECK (offering_mode IN ('ALL', 'SPECIFIC'));

CREATE TABLE persona_links (
    persona_id  INTEGER NOT NULL REFERENCES personas (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('offering', 'playbook')),
    target_o_id TEXT NOT NULL,
    position    INTEGER NOT NULL,
    PRIMARY KEY (persona_id, kind, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX persona_links_by_target ON persona_links (target_o_id, kind, persona_id);

-- One row for every change of a persona, with the whole persona as it was then.
CREATE TABLE revisions (
    o_id       TEXT PRIMARY KEY,
    persona_id INTEGER NOT NULL REFERENCES personas (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    action     TEXT NOT NULL,
    user_o_id  TEXT NOT NULL REFERENCES users (o_id),
    key_o_id   TEXT,
    created_at INTEGER NOT NULL,
    snapshot   TEXT NOT NULL,
    UNIQUE (persona_id, number)
) STRICT;

-- First answers to creates with an Idempotency-Key.
CREATE TABLE idempotent_answers (
    workspace_o_id TEXT NOT NULL REFERENCES workspaces (o_id),
    key            TEXT NOT NULL,
    persona_o_id   TEXT NOT NULL,
    body_digest    BLOB NOT NULL,
    answer         TEXT NOT NULL,
    etag           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (workspace_o_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotent_answers_by_age ON idempotent_answers (created_at);
CREATE INDEX idempotent_answers_by_persona ON idempotent_answers (workspace_o_id, persona_o_id);

-- The usual list: newest first, without what is archived or deleted.
-- The last two columns let SQLite count without reading the rows.
CREATE INDEX personas_listed ON personas (workspace_o_id, created_at DESC, o_id, archived_at, deleted_at)
    WHERE archived_at IS NULL AND deleted_at IS NULL;

CREATE INDEX personas_deleted ON personas (deleted_at) WHERE deleted_at IS NOT NULL;

-- The words of each persona, by the id of its row. scope is the workspace.
CREATE VIRTUAL TABLE personas_search USING fts5 (
    scope, name, titles, rest,
    content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Questions that are there already get ids, as new ones have.
UPDATE personas SET document = json_set(document, '$.qualifyingQuestions', json((
    SELECT json_group_array(json_set(q.value, '$.oId', 'qq_' || substr(hex(randomblob(11)), 1, 22)))
    FROM json_each(document, '$.qualifyingQuestions') q)))
WHERE json_array_length(document, '$.qualifyingQuestions') > 0;

-- What is there already gets its words, and a first revision.
INSERT INTO personas_search (rowid, scope, name, titles, rest)
SELECT p.id, p.workspace_o_id, p.name || ' ' || coalesce(p.internal_name, ''),
    (SELECT group_concat(value, ' ') FROM json_each(p.document, '$.commonJobTitles')),
    coalesce(p.description, '') || ' ' || coalesce((
        SELECT group_concat(atom, ' ') FROM json_tree(p.document)
        WHERE type = 'text' AND path NOT LIKE '$.commonJobTitles%' AND path NOT LIKE '$.qualifyingQuestions%'), '')
FROM personas p;

INSERT INTO revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)
SELECT 'rv_' || substr(hex(randomblob(11)), 1, 22), p.id, 1, 'imported', p.user_o_id, NULL, p.updated_at,
    json_object('name', p.name, 'internalName', p.internal_name, 'description', p.description,
        'active', json(iif(p.active, 'true', 'false')), 'unrecognized', json(iif(p.unrecognized, 'true', 'false')),
        'rejected', json(iif(p.rejected, 'true', 'false')),
        'createdAt', p.created_at, 'updatedAt', p.updated_at, 'archivedAt', p.archived_at, 'deletedAt', p.deleted_at,
        'document', json(p.document))
FROM personas p;
