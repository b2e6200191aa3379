-- +goose Up

-- What the words of a workspace begin with in personas_search.
ALTER TABLE workspaces ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE workspaces SET number = (SELECT count(*) FROM workspaces w WHERE (w.created_at, w.o_id) <= (workspaces.created_at, workspaces.o_id));
CREATE UNIQUE INDEX workspaces_by_number ON workspaces (number);

-- The words of each persona (docs/adr/0013), by the id of its row. Each begins
-- with the number of its workspace and with a letter for what happened to the
-- persona, so that a search reads nothing of others. The program fills it.
DROP TABLE personas_search;
CREATE VIRTUAL TABLE personas_search USING fts5 (
    name, titles, rest,
    content = '', contentless_delete = 1, detail = 'column',
    tokenize = 'ascii'
);
