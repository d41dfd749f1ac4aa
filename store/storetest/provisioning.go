package storetest

import (
	"reflect"

	"github.com/tenantgate/tenantgate/store"
)

func provisioningChecks() []check {
	return []check{
		{name: "settings", rule: "a tenant has provisioning settings from the first write on, with an empty ID and every field as given, each write with a greater version", run: checkSettings},
		{name: "settings stale", rule: "a write of provisioning settings that names another version than the stored one, zero when there is none, answers ErrStale and changes nothing", run: checkSettingsStale},
		{name: "settings at once", rule: "of several concurrent writes of one version of the settings exactly one succeeds, all others answer ErrStale", run: checkSettingsAtOnce},
		{name: "settings copies", rule: "values are copies: changing settings that were passed or returned changes nothing stored", run: checkSettingsCopies},
	}
}

func (p *probe) settings(version int64) store.ProvisioningSettings {
	s := filled[store.ProvisioningSettings](p)
	now := p.tick()
	s.Meta = store.Meta{Version: version, CreatedAt: now, UpdatedAt: now}
	s.Mode, s.Auto.FilterKind = store.ModeManual, "glob"
	return s
}

// putSettings writes settings and wants them back as given.
func (p *probe) putSettings(s store.ProvisioningSettings) store.ProvisioningSettings {
	p.Helper()
	got, err := p.st.PutProvisioningSettings(p.ctx, p.tenant, s)
	p.ok(err, "write settings naming version %d", s.Version)
	want := s
	want.TenantID, want.Version = p.tenant, got.Version
	if s.Version != 0 {
		want.CreatedAt = got.CreatedAt
	}
	p.that(got.Version > s.Version, "a greater version", "version 0", "write settings naming version %d", s.Version)
	p.same(got, want, "write settings, and look at what came back")
	read, err := p.st.ProvisioningSettings(p.ctx, p.tenant)
	p.ok(err, "read settings")
	p.same(read, got, "write settings, then read them")
	return got
}

func checkSettings(p *probe) {
	_, err := p.st.ProvisioningSettings(p.ctx, p.tenant)
	p.is(err, store.ErrNotFound, "read the settings of a tenant that made none")
	p.finer, p.text = true, trickyText
	first := p.putSettings(p.settings(0))
	p.same(first.Version, int64(1), "write the first settings")
	next := p.putSettings(p.settings(first.Version))
	p.same(next.CreatedAt, first.CreatedAt, "write settings again, and look at CreatedAt")
	p.putSettings(store.ProvisioningSettings{Meta: store.Meta{Version: next.Version}, Mode: store.ModeNone})
}

func checkSettingsStale(p *probe) {
	_, err := p.st.PutProvisioningSettings(p.ctx, p.tenant, p.settings(1), p.event("stale"))
	p.is(err, store.ErrStale, "write settings naming version 1 when there are none")
	_, err = p.st.ProvisioningSettings(p.ctx, p.tenant)
	p.is(err, store.ErrNotFound, "read settings after a stale first write")
	s := p.putSettings(p.settings(0))
	s = p.putSettings(p.settings(s.Version))
	for _, version := range []int64{0, 1, s.Version + 1} {
		_, err := p.st.PutProvisioningSettings(p.ctx, p.tenant, p.settings(version), p.event("stale"))
		p.is(err, store.ErrStale, "write settings naming version %d when %d is stored", version, s.Version)
	}
	got, err := p.st.ProvisioningSettings(p.ctx, p.tenant)
	p.ok(err, "read settings")
	p.same(got, s, "read settings after stale writes")
	p.same(len(p.events(p.tenant)), 0, "count events after stale writes")
}

func checkSettingsAtOnce(p *probe) {
	version := int64(0)
	for range 4 {
		results := make([]store.ProvisioningSettings, 6)
		given := make([]store.ProvisioningSettings, len(results))
		for i := range given {
			given[i] = p.settings(version)
		}
		winner := p.one(p.atOnce(len(results), func(i int) (err error) {
			results[i], err = p.st.PutProvisioningSettings(p.ctx, p.tenant, given[i])
			return err
		}), store.ErrStale, "write settings naming version %d from 6 goroutines", version)
		got, err := p.st.ProvisioningSettings(p.ctx, p.tenant)
		p.ok(err, "read settings")
		p.same(got, results[winner], "read settings after concurrent writes")
		version = got.Version
	}
}

func checkSettingsCopies(p *probe) {
	given := p.settings(0)
	got, err := p.st.PutProvisioningSettings(p.ctx, p.tenant, given)
	p.ok(err, "write settings")
	want := deepCopy(got)
	for _, v := range []*store.ProvisioningSettings{&given, &got} {
		scramble(reflect.ValueOf(v).Elem())
		got, err := p.st.ProvisioningSettings(p.ctx, p.tenant)
		p.ok(err, "read settings")
		p.same(got, want, "change settings that were passed or returned, then read them")
		scramble(reflect.ValueOf(&got).Elem())
	}
	got, err = p.st.ProvisioningSettings(p.ctx, p.tenant)
	p.ok(err, "read settings")
	p.same(got, want, "change settings that were read, then read them")
}
