-- Domains of before are to be looked at: they have no time yet, which is the empty value.

insert into tenantgate_record_index (kind, name, value, tenant_id, id)
select kind, 'due', '', tenant_id, id from tenantgate_records where kind = 'domain'
on conflict do nothing;
