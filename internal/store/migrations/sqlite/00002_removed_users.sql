-- A user who was removed stays as the author of what they wrote.

-- +goose Up

alter table users add column removed_at integer;
