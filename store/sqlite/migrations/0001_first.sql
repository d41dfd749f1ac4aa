-- Times are microseconds since 1970, UTC. Texts compare byte by byte.

create table tenantgate_scim_users (
	tenant_id     text not null,
	id            text not null,
	user_name     text not null,
	user_name_key text not null,
	external_id   text,
	active        integer not null,
	version       integer not null,
	created_at    integer not null,
	updated_at    integer not null,
	keys          blob not null,
	body          blob not null,
	primary key (tenant_id, id)
);
create unique index tenantgate_scim_users_name on tenantgate_scim_users (tenant_id, user_name_key);
create index tenantgate_scim_users_external on tenantgate_scim_users (tenant_id, external_id) where external_id is not null;

create table tenantgate_scim_groups (
	tenant_id          text not null,
	id                 text not null,
	display_name       text not null,
	display_name_key   text not null,
	external_id        text,
	version            integer not null,
	members_version    integer not null,
	members_updated_at integer,
	created_at         integer not null,
	updated_at         integer not null,
	keys               blob not null,
	body               blob not null,
	primary key (tenant_id, id)
);
create index tenantgate_scim_groups_name on tenantgate_scim_groups (tenant_id, display_name_key);
create index tenantgate_scim_groups_external on tenantgate_scim_groups (tenant_id, external_id) where external_id is not null;

-- The values by which users (kind u) and groups (kind g) are found beside the columns.
create table tenantgate_scim_keys (
	tenant_id text not null,
	kind      text not null,
	attr      text not null,
	value     text not null,
	record_id text not null,
	primary key (tenant_id, kind, attr, value, record_id)
) without rowid;
create index tenantgate_scim_keys_record on tenantgate_scim_keys (tenant_id, kind, record_id);

create table tenantgate_scim_members (
	tenant_id text not null,
	group_id  text not null,
	member_id text not null,
	kind      text not null,
	primary key (tenant_id, group_id, member_id)
) without rowid;
create index tenantgate_scim_members_member on tenantgate_scim_members (tenant_id, member_id, group_id);

create table tenantgate_scim_counts (
	tenant_id text not null,
	kind      text not null,
	n         integer not null,
	primary key (tenant_id, kind)
) without rowid;

-- The journal. One transaction writes at a time, so that the order of insertion is the
-- order of commits.
create table tenantgate_events (
	seq          integer primary key autoincrement,
	tenant_id    text not null,
	type         text not null,
	subject_kind text not null,
	subject_id   text not null,
	before_body  blob not null,
	after_body   blob not null,
	members      text,
	body         blob not null
);
create index tenantgate_events_tenant on tenantgate_events (tenant_id, seq);
create index tenantgate_events_subject on tenantgate_events (tenant_id, subject_kind, subject_id, seq);

create table tenantgate_heads (
	tenant_id text not null primary key,
	seq       integer not null
) without rowid;

create table tenantgate_positions (
	tenant_id text not null,
	reader    text not null,
	seq       integer not null,
	primary key (tenant_id, reader)
) without rowid;

create table tenantgate_tokens (
	tenant_id  text not null,
	kind       text not null,
	token_key  text not null,
	data       blob not null,
	expires_at integer not null,
	primary key (tenant_id, kind, token_key)
) without rowid;
create index tenantgate_tokens_expiry on tenantgate_tokens (tenant_id, expires_at);

create table tenantgate_leases (
	tenant_id text not null,
	name      text not null,
	holder    text not null,
	token     integer not null,
	ends_at   integer not null,
	primary key (tenant_id, name)
) without rowid;

create table tenantgate_grants (
	tenant_id   text not null,
	account_id  text not null,
	kind        text not null,
	resource_id text not null,
	group_id    text not null,
	role        text not null,
	previous    text not null,
	primary key (tenant_id, account_id, kind, resource_id, group_id)
) without rowid;
create index tenantgate_grants_group on tenantgate_grants (tenant_id, group_id, account_id, kind, resource_id);

-- Set-up records: connections, domains, directories, API keys, identities, accounts,
-- settings and resources of registered types.
create table tenantgate_records (
	tenant_id  text not null,
	kind       text not null,
	id         text not null,
	version    integer not null,
	created_at integer not null,
	updated_at integer not null,
	used_at    integer,
	body       blob not null,
	primary key (kind, tenant_id, id)
);

-- Scope is the tenant within which a value is unique, or empty for everywhere.
create table tenantgate_record_unique (
	kind      text not null,
	scope     text not null,
	name      text not null,
	value     text not null,
	tenant_id text not null,
	id        text not null,
	primary key (kind, scope, name, value)
) without rowid;
create index tenantgate_record_unique_record on tenantgate_record_unique (kind, tenant_id, id);

create table tenantgate_record_index (
	kind      text not null,
	name      text not null,
	value     text not null,
	tenant_id text not null,
	id        text not null,
	primary key (kind, name, value, tenant_id, id)
) without rowid;
create index tenantgate_record_index_record on tenantgate_record_index (kind, tenant_id, id);
