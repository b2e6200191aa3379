-- The library. Ids of things are texts (o_id); times are UTC milliseconds; all
-- text is compared by code point.

-- "PERS": tells a library from any other SQLite file.
pragma application_id = 1346720339;

create table meta (
    key   text primary key,
    value text not null
) strict, without rowid;

create table organizations (
    o_id       text primary key,
    name       text not null,
    slug       text not null unique,
    domain     text,
    created_at integer not null
) strict, without rowid;

-- id is the number that the search terms of a workspace begin with.
create table workspaces (
    id           integer primary key autoincrement check (id < 268435456), -- 7 digits
    o_id         text not null unique,
    organization text not null references organizations (o_id),
    name         text not null,
    domain       text,
    created_at   integer not null,
    unique (organization, name)
) strict;

create table users (
    o_id         text primary key,
    organization text not null references organizations (o_id),
    first_name   text not null,
    last_name    text not null,
    email        text,
    role         text not null check (role in ('owner', 'member')),
    created_at   integer not null,
    removed_at   integer,
    unique (organization, email)
) strict, without rowid;

create table api_keys (
    o_id          text primary key,
    workspace     text not null references workspaces (o_id),
    user_o_id     text not null references users (o_id),
    name          text not null,
    scopes        text not null,
    secret_digest blob not null,
    created_at    integer not null,
    expires_at    integer,
    revoked_at    integer,
    last_used_at  integer
) strict, without rowid;

create index api_keys_listed on api_keys (workspace, created_at, o_id);

-- document is the entity as it is answered; hidden is what answers do not show;
-- tag is 128 bits of SHA-256 over both. sort_name is the folded name. shape and
-- search tell by which version of the program document and words were made.
create table entities (
    id          integer primary key autoincrement,
    workspace   text not null references workspaces (o_id),
    kind        text not null,
    o_id        text not null,
    name        text not null,
    sort_name   text not null,
    author      text not null references users (o_id),
    shape       integer not null,
    search      integer not null,
    tag         blob not null check (length(tag) = 16),
    created_at  integer not null,
    updated_at  integer not null,
    archived_at integer,
    deleted_at  integer,
    document    text not null,
    hidden      text not null,
    unique (workspace, o_id, kind)
) strict;

-- Lists are read from these alone, and then the rows of a page.
create index entities_created on entities (workspace, kind, created_at desc, o_id, archived_at, deleted_at, author);
create index entities_updated on entities (workspace, kind, updated_at desc, o_id, archived_at, deleted_at);
create index entities_named on entities (workspace, kind, sort_name, o_id, archived_at, deleted_at);
create index entities_added on entities (workspace, id);
create index entities_deleted on entities (deleted_at) where deleted_at is not null;
create index entities_shape on entities (kind, shape);
create index entities_search on entities (kind, search);

-- What an entity links to. Values of enum fields that lists filter by are rows,
-- too, at position -1. Rows follow from hidden.
create table links (
    entity_id integer not null references entities (id) on delete cascade,
    workspace text not null,
    field     text not null,
    position  integer not null,
    target    text not null,
    primary key (entity_id, field, position)
) strict, without rowid;

create index links_to on links (workspace, target, field, entity_id);

-- One row for every change, with the whole entity as the change left it.
-- fields is a JSON list of the names of the fields that changed.
create table revisions (
    id          integer primary key autoincrement,
    workspace   text not null,
    o_id        text not null,
    kind        text not null,
    entity_id   integer not null references entities (id) on delete cascade,
    number      integer not null,
    action      text not null,
    author      text not null references users (o_id),
    api_key     text not null,
    source      text not null,
    origins     text not null,
    created_at  integer not null,
    archived_at integer,
    deleted_at  integer,
    shape       integer not null,
    fields      text not null,
    document    text not null,
    hidden      text not null,
    unique (workspace, o_id),
    unique (entity_id, number)
) strict;

create index revisions_listed on revisions (workspace, id);

-- The words of each entity, by its id. Every term begins with the number of the
-- workspace and a letter for what it is. terms holds those of kind and status,
-- of whole names and titles, and of enum values. Both lengths of prefix
-- indexes are for one and two letters of a word.
create virtual table words using fts5 (
    terms, names, titles, rest,
    content = '', contentless_delete = 1, detail = column, tokenize = 'ascii', prefix = '9 10'
);

-- Requests with an Idempotency-Key, and what was answered.
create table idempotency (
    workspace     text not null references workspaces (o_id),
    key           text not null,
    digest        blob not null,
    created_at    integer not null,
    pending_until integer,
    primary key (workspace, key)
) strict, without rowid;

create index idempotency_created on idempotency (created_at);

create table idempotency_rows (
    workspace   text not null,
    key         text not null,
    position    integer not null,
    kind        text not null,
    o_id        text not null,
    name        text not null,
    author      text not null references users (o_id),
    shape       integer not null,
    tag         blob not null,
    created_at  integer not null,
    updated_at  integer not null,
    archived_at integer,
    deleted_at  integer,
    document    text not null,
    hidden      text not null,
    primary key (workspace, key, position),
    foreign key (workspace, key) references idempotency (workspace, key) on delete cascade
) strict;

create index idempotency_rows_of on idempotency_rows (workspace, o_id, kind);

-- Agents, as they were sent. config is a JSON object.

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

-- Who signs in to the console: passwords, roles in a workspace, sessions of
-- browsers, and links that work once. Owners have no role here: they are admins
-- of all workspaces of their organization. email is folded. Of the tokens of
-- sessions and the secrets of links, digests are kept.

create table passwords (
    user_o_id  text primary key references users (o_id),
    email      text not null unique,
    hash       text not null,
    changed_at integer not null
) strict, without rowid;

create table members (
    workspace  text not null references workspaces (o_id),
    user_o_id  text not null references users (o_id),
    role       text not null check (role in ('viewer', 'editor', 'admin')),
    created_at integer not null,
    primary key (workspace, user_o_id)
) strict, without rowid;

create index members_of on members (user_o_id);

create table sessions (
    digest     blob primary key,
    o_id       text not null,
    user_o_id  text not null references users (o_id),
    workspace  text not null references workspaces (o_id),
    api_key    text not null,
    address    text not null,
    browser    text not null,
    created_at integer not null,
    seen_at    integer not null,
    expires_at integer not null
) strict, without rowid;

create index sessions_of on sessions (user_o_id, workspace);

create table one_time_links (
    digest     blob primary key,
    purpose    text not null,
    user_o_id  text not null references users (o_id),
    created_at integer not null,
    expires_at integer not null
) strict, without rowid;

-- Calls to the language model, and its answers for as long as they are used again.

create table model_calls (
    id            integer primary key autoincrement,
    workspace     text not null references workspaces (o_id),
    created_at    integer not null,
    purpose       text not null,
    model         text not null,
    input_tokens  integer not null,
    output_tokens integer not null,
    ms            integer not null,
    tries         integer not null,
    repaired      integer not null,
    outcome       text not null
) strict;

create index model_calls_of on model_calls (workspace, created_at);

-- digest is that of the request. answer is what the model said, and is used
-- again until keep_until.
create table model_answers (
    workspace  text not null references workspaces (o_id),
    digest     text not null,
    keep_until integer not null,
    answer     text not null,
    primary key (workspace, digest)
) strict, without rowid;

-- How often a job title was matched that belongs to no persona: titles as match
-- folds them, and nothing of the people who have them.

create table unmatched (
    workspace text not null references workspaces (o_id),
    title     text not null,
    count     integer not null,
    last_at   integer not null,
    primary key (workspace, title)
) strict, without rowid;

create index unmatched_listed on unmatched (workspace, count desc, title);
create index unmatched_last on unmatched (last_at);
