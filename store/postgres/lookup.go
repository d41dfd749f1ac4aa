package postgres

import (
	"context"
	"database/sql"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	// oddBody says that a body has an escaped NUL, of which PostgreSQL reads no JSON: what such a record refers to is looked
	// for by itself.
	oddBody = "position('\\u0000' in convert_from(r.body, 'UTF8')) > 0 as odd"

	// namesAtOnce is how many names a statement looks for. The number does not depend on the parameter, so that the server
	// makes one plan for all: to plan takes longer than to look.
	namesAtOnce = 8

	// A name is looked for by itself, and so is a connection: a planner that knows nothing of the values would rather walk all
	// that is proven, or all connections. Of both there is at most one.
	foundDomains = "with d as (select f.*, q.name from (select ($3::text[])[i] from generate_series(1, 8) as i) as q (name) cross join lateral (" +
		"select r.tenant_id, r.id, r.version, r.created_at, r.updated_at, r.used_at, r.body, " + oddBody +
		" from tenantgate_record_unique n join tenantgate_records r on r.kind = n.kind and r.tenant_id = n.tenant_id and r.id = n.id" +
		" where n.kind = $1 and n.scope = '' and n.name = $2 and n.value = q.name limit 1) f)"
	selectFoundDomains = " select 'domain', d.name, d.tenant_id, d.id, d.version, d.created_at, d.updated_at, d.used_at, d.body, d.odd from d"

	findDomains = foundDomains + selectFoundDomains
	// The IDs of a domain's connections are in its body.
	findDomainsServed = foundDomains +
		", s as (select d.name, d.tenant_id, case when d.odd then null else convert_from(d.body, 'UTF8')::json end as doc from d)" +
		", c as (select s.name, s.tenant_id, s.doc ->> 'connectionId' as id from s" +
		" union all select s.name, s.tenant_id, o.id from s cross join lateral json_array_elements_text(s.doc -> 'otherConnections') as o (id))" +
		selectFoundDomains +
		" union all select 'connection', c.name, f.tenant_id, f.id, f.version, f.created_at, f.updated_at, f.used_at, f.body, false" +
		" from c cross join lateral (select r.* from tenantgate_records r where r.tenant_id = c.tenant_id and r.kind = $4 and r.id = c.id limit 1) f"

	// The directory's ID is in the key's body. What connection a directory names is one of its unique values, and what states
	// connection and lifecycle are in is in the index: their bodies are not read.
	findDirectory = "with k as (select r.id, r.version, r.created_at, r.updated_at, r.used_at, r.body, " + oddBody +
		" from tenantgate_record_unique n join tenantgate_records r on r.kind = n.kind and r.tenant_id = n.tenant_id and r.id = n.id" +
		" where n.kind = $2 and n.scope = $1 and n.name = $3 and n.value = $4 and n.tenant_id = $1)" +
		", d as (select r.id, r.version, r.created_at, r.updated_at, r.used_at, r.body from k join tenantgate_records r on r.tenant_id = $1 and r.kind = $5" +
		" and r.id = case when k.odd then null else convert_from(k.body, 'UTF8')::json ->> 'directoryId' end)" +
		" select 'key', '', $1, k.id, k.version, k.created_at, k.updated_at, k.used_at, k.body, k.odd from k" +
		" union all select 'directory', '', $1, d.id, d.version, d.created_at, d.updated_at, d.used_at, d.body, false from d" +
		" union all select 'connection', i.value, $1, i.id, 0, null, null, null, null, false" +
		" from d join tenantgate_record_unique n on n.kind = $5 and n.tenant_id = $1 and n.id = d.id and n.name = $6" +
		" join tenantgate_record_index i on i.kind = $7 and i.tenant_id = $1 and i.id = n.value and i.name = $10" +
		" union all select 'lifecycle', i.value, $1, i.id, 0, null, null, null, null, false" +
		" from k join tenantgate_record_index i on i.kind = $8 and i.tenant_id = $1 and i.id = $9 and i.name = $10"
)

// LookupStoreOf implements store.LookupStore.
func (s *Store) LookupStoreOf() store.Store { return s }

// FindDomains implements store.LookupStore.
func (s *Store) FindDomains(ctx context.Context, q store.DomainQuery) ([]store.FoundDomain, error) {
	var names []string
	for _, name := range q.Names {
		if storable(name) { // others are nobody's
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, ctx.Err()
	}
	var out []store.FoundDomain
	for chunk := range slices.Chunk(names, namesAtOnce) {
		found, err := s.findDomains(ctx, chunk, q.Connections)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (s *Store) findDomains(ctx context.Context, names []string, connections bool) ([]store.FoundDomain, error) {
	query, args := findDomains, []any{records.KindDomain, records.VerifiedKey, array(names)}
	if connections {
		query, args = findDomainsServed, append(args, records.KindConnection)
	}
	byName := map[string]*store.FoundDomain{}
	serving := map[[2]string]store.Connection{} // by the domain's name and the connection's ID
	odd := false
	err := s.eachFound(ctx, func(part, name string, r records.Row, flag bool) error {
		if part == "connection" {
			c, err := records.DecodeConnection(r)
			serving[[2]string{name, c.ID}] = c
			return err
		}
		odd = odd || flag
		d, err := records.DecodeDomain(r)
		byName[name] = &store.FoundDomain{Domain: d}
		return err
	}, query, args...)
	switch {
	case err != nil:
		return nil, sqlstore.Errorf(err, "domains")
	case odd && connections:
		return store.FindDomains(ctx, oneByOne{s}, store.DomainQuery{Names: names, Connections: true})
	}
	var out []store.FoundDomain
	for _, name := range names {
		d := byName[name]
		if d == nil {
			continue
		}
		if connections {
			for _, id := range d.Connections() {
				if c, ok := serving[[2]string{name, id}]; ok {
					d.Serving = append(d.Serving, c)
				}
			}
		}
		out = append(out, *d)
	}
	return out, nil
}

// FindDirectory implements store.LookupStore.
func (s *Store) FindDirectory(ctx context.Context, tenantID string, hash []byte) (out store.FoundDirectory, err error) {
	key, odd := records.HashKey(hash), false
	err = s.eachFound(ctx, func(part, state string, r records.Row, flag bool) (err error) {
		switch part {
		case "key":
			odd = flag
			out.Key, err = records.DecodeAPIKey(r)
		case "directory":
			out.Directory, err = records.DecodeDirectory(r)
		case "connection":
			out.ConnectionState = store.ConnectionState(state)
		default:
			out.ServiceState = records.ServiceState(state)
		}
		return err
	}, findDirectory, tenantID, records.KindAPIKey, key.Name, key.Value, records.KindDirectory, records.ConnectionKey,
		records.KindConnection, string(store.KindLifecycle), records.LifecycleID, records.StateIndex)
	switch {
	case err != nil:
		return store.FoundDirectory{}, sqlstore.Errorf(err, "api key")
	case odd:
		return store.FindDirectory(ctx, oneByOne{s}, tenantID, hash)
	}
	return out, nil
}

// eachFound runs a query whose rows are records of several kinds.
func (s *Store) eachFound(ctx context.Context, visit func(part, name string, r records.Row, odd bool) error, query string, args ...any) error {
	return s.db.Reader().Each(ctx, func(rows *sql.Rows) error {
		var (
			part, name             string
			r                      records.Row
			created, updated, used sqlstore.Timestamp
			odd                    bool
		)
		if err := rows.Scan(&part, &name, &r.TenantID, &r.ID, &r.Version, &created, &updated, &used, &r.Body, &odd); err != nil {
			return err
		}
		r.CreatedAt, r.UpdatedAt, r.UsedAt = created.Time, updated.Time, used.Time
		return visit(part, name, r, odd)
	}, query, args...)
}
