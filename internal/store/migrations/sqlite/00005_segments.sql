-- +goose Up

DROP TABLE personas_search;

-- The words of personas (docs/adr/0022), in segments of up to 4,096 of one
-- workspace, which is here by its number. What is in a segment is never changed,
-- but that dead has a bit for each persona that has left it. low and high are of
-- the ids of the rows of its personas; weight and class say with which others
-- it will be merged. The program fills it.
CREATE TABLE search_segments (
    workspace INTEGER NOT NULL,
    class     INTEGER NOT NULL,
    id        INTEGER NOT NULL,
    docs      INTEGER NOT NULL,
    weight    INTEGER NOT NULL,
    parts     INTEGER NOT NULL,
    low       INTEGER NOT NULL,
    high      INTEGER NOT NULL,
    dead      BLOB,
    PRIMARY KEY (workspace, class, id)
) STRICT, WITHOUT ROWID;

-- The parts of a segment: its head, the places of its personas, and blocks of
-- terms. An id of a segment is never used twice.
CREATE TABLE search_blocks (
    segment INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    bytes   BLOB NOT NULL,
    PRIMARY KEY (segment, part)
) STRICT, WITHOUT ROWID;
