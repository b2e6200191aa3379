-- Calls to the language model, and its answers for as long as they are used again.

-- +goose Up

create table model_calls (
    id            integer primary key autoincrement,
    workspace     text not null references workspaces (o_id),
    created_at    integer not null,
    purpose       text not null,
    model         text not null,
    input_tokens  integer not null,
    output_tokens integer not null,
    ms            integer not null,
    tries         integer not null,
    repaired      integer not null,
    outcome       text not null
) strict;

create index model_calls_of on model_calls (workspace, created_at);

-- digest is that of the request. answer is what the model said, and is used
-- again until keep_until.
create table model_answers (
    workspace  text not null references workspaces (o_id),
    digest     text not null,
    keep_until integer not null,
    answer     text not null,
    primary key (workspace, digest)
) strict, without rowid;
