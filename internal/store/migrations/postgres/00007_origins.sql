-- What a change was made from: a JSON list of {type, value}.

-- +goose Up

alter table revisions add column origins text collate "C" not null default '[]';
