-- Who signs in to the console: passwords, roles in a workspace, sessions of
-- browsers, and links that work once. Owners have no role here: they are admins
-- of all workspaces of their organization. email is folded. Of the tokens of
-- sessions and the secrets of links, digests are kept.

-- +goose Up

create table passwords (
    user_o_id  text collate "C" primary key references users (o_id),
    email      text collate "C" not null unique,
    hash       text collate "C" not null,
    changed_at bigint not null
);

create table members (
    workspace  text collate "C" not null references workspaces (o_id),
    user_o_id  text collate "C" not null references users (o_id),
    role       text collate "C" not null check (role in ('viewer', 'editor', 'admin')),
    created_at bigint not null,
    primary key (workspace, user_o_id)
);

create index members_of on members (user_o_id);

create table sessions (
    digest     bytea primary key,
    o_id       text collate "C" not null,
    user_o_id  text collate "C" not null references users (o_id),
    workspace  text collate "C" not null references workspaces (o_id),
    api_key    text collate "C" not null,
    address    text collate "C" not null,
    browser    text collate "C" not null,
    created_at bigint not null,
    seen_at    bigint not null,
    expires_at bigint not null
);

create index sessions_of on sessions (user_o_id, workspace);

create table one_time_links (
    digest     bytea primary key,
    purpose    text collate "C" not null,
    user_o_id  text collate "C" not null references users (o_id),
    created_at bigint not null,
    expires_at bigint not null
);
