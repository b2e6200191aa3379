-- +goose Up

-- From here on the newest revision of a persona has no snapshot of its own, but
-- '': what it left is the persona's row (docs/adr/0023). Those that are there
-- stay. Nothing is to be done, but an older program could not read it.
SELECT 1;
