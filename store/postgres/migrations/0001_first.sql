-- Texts that are compared are in byte order (collation C), as everywhere in tenantgate.
-- Columns named *_key and the values of keys end in a hash where the text is long, since
-- an entry of an index has a limited size.

create table tenantgate_scim_users (
	tenant_id     text collate "C" not null,
	id            text collate "C" not null,
	user_name     text not null,
	user_name_key text collate "C" not null,
	external_id   text collate "C",
	active        boolean not null,
	version       bigint not null,
	created_at    timestamptz not null,
	updated_at    timestamptz not null,
	keys          bytea not null,
	body          bytea not null,
	primary key (tenant_id, id)
);
create unique index tenantgate_scim_users_name on tenantgate_scim_users (tenant_id, user_name_key);
create index tenantgate_scim_users_external on tenantgate_scim_users (tenant_id, external_id) where octet_length(external_id) <= 1000;

create table tenantgate_scim_groups (
	tenant_id          text collate "C" not null,
	id                 text collate "C" not null,
	display_name       text not null,
	display_name_key   text collate "C" not null,
	external_id        text collate "C",
	version            bigint not null,
	members_version    bigint not null,
	members_updated_at timestamptz,
	created_at         timestamptz not null,
	updated_at         timestamptz not null,
	keys               bytea not null,
	body               bytea not null,
	primary key (tenant_id, id)
);
create index tenantgate_scim_groups_name on tenantgate_scim_groups (tenant_id, display_name_key);
create index tenantgate_scim_groups_external on tenantgate_scim_groups (tenant_id, external_id) where octet_length(external_id) <= 1000;

-- The values by which users (kind u) and groups (kind g) are found beside the columns.
create table tenantgate_scim_keys (
	tenant_id text collate "C" not null,
	kind      text collate "C" not null,
	attr      text collate "C" not null,
	value     text collate "C" not null,
	record_id text collate "C" not null,
	primary key (tenant_id, kind, attr, value, record_id)
);
create index tenantgate_scim_keys_record on tenantgate_scim_keys (tenant_id, kind, record_id);

create table tenantgate_scim_members (
	tenant_id text collate "C" not null,
	group_id  text collate "C" not null,
	member_id text collate "C" not null,
	kind      text not null,
	primary key (tenant_id, group_id, member_id)
);
create index tenantgate_scim_members_member on tenantgate_scim_members (tenant_id, member_id, group_id);

-- Each change of a group's members is a row, so that changes do not wait for each other;
-- from time to time the rows are folded into the group's members_version.
create table tenantgate_scim_member_changes (
	tenant_id  text collate "C" not null,
	group_id   text collate "C" not null,
	id         bigserial not null,
	changed_at timestamptz,
	primary key (tenant_id, group_id, id)
);

-- The number of users and groups of a tenant is the sum of its rows, folded likewise.
create table tenantgate_scim_counts (
	tenant_id text collate "C" not null,
	kind      text collate "C" not null,
	id        bigserial not null,
	delta     bigint not null,
	primary key (tenant_id, kind, id)
);

-- The journal. Writers leave seq empty; the reader numbers what it can see.
create table tenantgate_events (
	tenant_id    text collate "C" not null,
	id           bigserial not null,
	seq          bigint,
	type         text collate "C" not null,
	subject_kind text collate "C" not null,
	subject_id   text collate "C" not null,
	before_body  bytea not null,
	after_body   bytea not null,
	members      text,
	body         bytea not null,
	primary key (tenant_id, id)
);
create unique index tenantgate_events_seq on tenantgate_events (tenant_id, seq) where seq is not null;
create index tenantgate_events_new on tenantgate_events (tenant_id, id) where seq is null;
create index tenantgate_events_subject on tenantgate_events (tenant_id, subject_kind, subject_id, seq) where seq is not null;

create table tenantgate_heads (
	tenant_id text collate "C" not null primary key,
	seq       bigint not null
);

create table tenantgate_positions (
	tenant_id text collate "C" not null,
	reader    text collate "C" not null,
	seq       bigint not null,
	primary key (tenant_id, reader)
);

create table tenantgate_tokens (
	tenant_id  text collate "C" not null,
	kind       text collate "C" not null,
	token_key  text collate "C" not null,
	data       bytea not null,
	expires_at timestamptz not null,
	primary key (tenant_id, kind, token_key)
);
create index tenantgate_tokens_expiry on tenantgate_tokens (tenant_id, expires_at);

create table tenantgate_leases (
	tenant_id text collate "C" not null,
	name      text collate "C" not null,
	holder    text not null,
	token     bigint not null,
	ends_at   timestamptz not null,
	primary key (tenant_id, name)
);

create table tenantgate_grants (
	tenant_id   text collate "C" not null,
	account_id  text collate "C" not null,
	kind        text collate "C" not null,
	resource_id text collate "C" not null,
	group_id    text collate "C" not null,
	role        text not null,
	previous    text not null,
	primary key (tenant_id, account_id, kind, resource_id, group_id)
);
create index tenantgate_grants_group on tenantgate_grants (tenant_id, group_id, account_id, kind, resource_id);

-- Set-up records: connections, domains, directories, API keys, identities, accounts,
-- settings and resources of registered types.
create table tenantgate_records (
	tenant_id  text collate "C" not null,
	kind       text collate "C" not null,
	id         text collate "C" not null,
	version    bigint not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	used_at    timestamptz,
	body       bytea not null,
	primary key (kind, tenant_id, id)
);

-- Scope is the tenant within which a value is unique, or empty for everywhere.
create table tenantgate_record_unique (
	kind      text collate "C" not null,
	scope     text collate "C" not null,
	name      text collate "C" not null,
	value     text collate "C" not null,
	tenant_id text collate "C" not null,
	id        text collate "C" not null,
	primary key (kind, scope, name, value)
);
create index tenantgate_record_unique_record on tenantgate_record_unique (kind, tenant_id, id);

create table tenantgate_record_index (
	kind      text collate "C" not null,
	name      text collate "C" not null,
	value     text collate "C" not null,
	tenant_id text collate "C" not null,
	id        text collate "C" not null,
	primary key (kind, name, value, tenant_id, id)
);
create index tenantgate_record_index_record on tenantgate_record_index (kind, tenant_id, id);
