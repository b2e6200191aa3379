-- How often a job title was matched that belongs to no persona: titles as match
-- folds them, and nothing of the people who have them.

-- +goose Up

create table unmatched (
    workspace text not null references workspaces (o_id),
    title     text not null,
    count     integer not null,
    last_at   integer not null,
    primary key (workspace, title)
) strict, without rowid;

create index unmatched_listed on unmatched (workspace, count desc, title);
create index unmatched_last on unmatched (last_at);
