-- +goose Up

-- PostgreSQL counts: a row for each workspace would make its writers wait for one
-- another.
SELECT 1;
