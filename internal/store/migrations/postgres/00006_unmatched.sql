-- How often a job title was matched that belongs to no persona: titles as match
-- folds them, and nothing of the people who have them.

-- +goose Up

create table unmatched (
    workspace text collate "C" not null references workspaces (o_id),
    title     text collate "C" not null,
    count     bigint not null,
    last_at   bigint not null,
    primary key (workspace, title)
);

create index unmatched_listed on unmatched (workspace, count desc, title);
create index unmatched_last on unmatched (last_at);
