-- Agents, as they were sent. config is a JSON object.

-- +goose Up

create table agents (
    workspace   text not null references workspaces (o_id),
    o_id        text not null,
    type        text not null,
    name        text not null,
    description text not null,
    config      text not null,
    created_at  integer not null,
    updated_at  integer not null,
    primary key (workspace, o_id)
) strict, without rowid;
