-- Who signs in to the console: passwords, roles in a workspace, sessions of
-- browsers, and links that work once. Owners have no role here: they are admins
-- of all workspaces of their organization. email is folded. Of the tokens of
-- sessions and the secrets of links, digests are kept.

-- +goose Up

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
