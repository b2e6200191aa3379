-- What a change was made from: a JSON list of {type, value}.

-- +goose Up

alter table revisions add column origins text not null default '[]';
