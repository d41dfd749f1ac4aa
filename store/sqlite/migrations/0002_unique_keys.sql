-- A value that is unique belongs to one user, or one group, of a tenant.

alter table tenantgate_scim_keys add column is_unique integer not null default 0;
create unique index tenantgate_scim_keys_unique on tenantgate_scim_keys (tenant_id, kind, attr, value) where is_unique;
