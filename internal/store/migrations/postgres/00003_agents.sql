-- Agents, as they were sent. config is a JSON object.

-- +goose Up

create table agents (
    workspace   text collate "C" not null references workspaces (o_id),
    o_id        text collate "C" not null,
    type        text collate "C" not null,
    name        text collate "C" not null,
    description text collate "C" not null,
    config      text collate "C" not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    primary key (workspace, o_id)
);
