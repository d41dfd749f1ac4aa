package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// PlanEnding shows what an ending would do now, and changes nothing. The actor needs [ActionSuspendTenant] for a suspension,
// [ActionRemoveTenant] otherwise; for one connection [ActionSuspend] or [ActionDeleteConnection]. It reads every account of
// the tenant, in pages.
func (s *Service) PlanEnding(ctx context.Context, actor Actor, tenantID string, e Ending) (EndingPlan, error) {
	if err := s.allow(ctx, actor, endingAction(e), tenantID); err != nil {
		return EndingPlan{}, err
	}
	e, err := parseEnding(e)
	if err != nil {
		return EndingPlan{}, err
	}
	return s.planEnding(ctx, tenantID, e)
}

func endingAction(e Ending) Action {
	switch suspends := e.Kind == EndingSuspend; {
	case e.ConnectionID != "" && suspends:
		return ActionSuspend
	case e.ConnectionID != "":
		return ActionDeleteConnection
	case suspends:
		return ActionSuspendTenant
	}
	return ActionRemoveTenant
}

func parseEnding(e Ending) (Ending, error) {
	var findings []Finding
	switch e.Kind {
	case EndingSuspend, EndingDowngrade, EndingRemove:
	default:
		f := errorFinding(FieldEnding, CodeEndingInvalid, "%s is no kind of ending.", shown(string(e.Kind))).got(shown(string(e.Kind)))
		f.Expected = fmt.Sprintf("%s, %s, %s", EndingSuspend, EndingDowngrade, EndingRemove)
		findings = append(findings, f)
	}
	switch e.Offer {
	case OfferNothing, OfferPasswordReset, OfferInvitation:
	default:
		f := errorFinding(FieldEnding, CodeEndingInvalid, "%s can't be offered.", shown(string(e.Offer))).got(shown(string(e.Offer)))
		f.Expected = fmt.Sprintf("nothing, %s, %s", OfferPasswordReset, OfferInvitation)
		findings = append(findings, f)
	}
	if e.TakeMemberships && e.Kind != EndingRemove && len(findings) == 0 {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "Teams and roles are taken by a removal alone."))
	}
	findings = append(findings, parseConnectionEnding(e)...)
	if e.Unplanned && e.Kind != EndingSuspend {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "A suspension alone can do without a plan."))
	}
	if e.Offer != OfferNothing && e.Kind == EndingDowngrade {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "A downgrade takes nobody's way in at once, so there is nothing to offer."))
	}
	if len([]rune(e.Reason)) > maxReason {
		findings = append(findings, errorFinding(FieldEndingReason, CodeTooLong, "A reason can have at most %d characters.", maxReason))
	}
	e.Reason = shown(e.Reason)
	return e, refuse(findings)
}

// endingSnapshot is what a plan is made of, apart from people.
type endingSnapshot struct {
	tenantID    string
	lifecycle   store.Lifecycle
	connections []store.Connection
	domains     []store.Domain
	directories []store.Directory
	keys        []store.APIKey
	holdings    map[store.RecordKind]int
	breakGlass  map[string]bool
	// ended is the one connection that ends; nil for an ending of the whole tenant.
	ended *store.Connection
	// people, offers and takes say what the host can tell and do.
	people, takes bool
	// graceForever says that sign-in does not end with the plan.
	graceForever bool
}

// endingPerson is what a plan knows about one person.
type endingPerson struct {
	account store.Account // without Source if there is no record
	linked  bool          // has signed in at a provider
	links   []string      // the connections where that was
	grants  int
	host    *Person // nil if the host does not tell
	gone    bool    // the host does not have the account any more
}

// endingSnapshot reads what an ending is about, but for people.
func (s *Service) endingSnapshot(ctx context.Context, st store.Store, tenantID string, e Ending) (endingSnapshot, error) {
	snap := endingSnapshot{
		tenantID: tenantID, breakGlass: map[string]bool{}, people: s.cfg.People != nil, takes: s.cfg.Releaser != nil, graceForever: s.cfg.PlanGrace < 0,
	}
	var err error
	if snap.lifecycle, err = s.lifecycle(ctx, st, tenantID); err != nil {
		return snap, err
	}
	if snap.connections, err = st.Connections(ctx, tenantID); err != nil {
		return snap, fmt.Errorf("tenant: reading connections: %w", err)
	}
	if snap.domains, err = st.Domains(ctx, tenantID); err != nil {
		return snap, fmt.Errorf("tenant: reading domains: %w", err)
	}
	if snap.directories, err = st.Directories(ctx, tenantID); err != nil {
		return snap, fmt.Errorf("tenant: reading directories: %w", err)
	}
	if snap.keys, err = st.APIKeys(ctx, tenantID); err != nil {
		return snap, fmt.Errorf("tenant: reading API keys: %w", err)
	}
	snap.keys = inForce(snap.keys, s.time())
	for _, c := range snap.connections {
		for _, email := range c.BreakGlass {
			snap.breakGlass[email] = true
		}
	}
	return snap, snap.end(e)
}

func (s *Service) planEnding(ctx context.Context, tenantID string, e Ending) (EndingPlan, error) {
	snap, err := s.endingSnapshot(ctx, s.store, tenantID, e)
	if err != nil {
		return EndingPlan{}, err
	}
	if err := snap.endable(e); err != nil {
		return EndingPlan{}, err
	}
	if snap.lifecycle.State == store.ServiceRemoving {
		return EndingPlan{}, open(snap.lifecycle)
	}
	if e.Kind == EndingRemove && e.ConnectionID == "" { // it costs a look at every record
		if snap.holdings, err = s.store.Holdings(ctx, tenantID); err != nil {
			return EndingPlan{}, fmt.Errorf("tenant: counting records: %w", err)
		}
	}
	planner := newEndingPlanner(snap, e)
	for p, err := range s.endingPeople(ctx, s.store, tenantID) {
		if err != nil {
			return EndingPlan{}, err
		}
		planner.person(p)
	}
	plan := planner.plan()
	if e.Kind == EndingDowngrade && !e.Left.SSO {
		l := snap.lifecycle
		if l.SSOLapsedAt.IsZero() {
			l.SSOLapsedAt = s.time()
		}
		plan.SignInUntil = s.graceEnd(l) // not in the hash: it moves with the clock
	}
	return plan, nil
}

// endingPlanner computes a plan. It has no side effects and asks nobody.
type endingPlanner struct {
	snap endingSnapshot
	out  EndingPlan
	sum  hash.Hash
	enc  *json.Encoder
	// lose and owners are the people whom the plan names.
	lose, owners, others []PersonEffect
}

func newEndingPlanner(snap endingSnapshot, e Ending) *endingPlanner {
	p := &endingPlanner{snap: snap, sum: sha256.New(), out: EndingPlan{TenantID: snap.tenantID, Ending: e, Totals: EndingTotals{By: map[Effect]int{}}}}
	p.enc = json.NewEncoder(p.sum)
	return p
}

// hash adds what has an effect. The encoder can't fail: these are plain data, and a hash takes every write.
func (p *endingPlanner) hash(v any) { _ = p.enc.Encode(v) }

// person adds one person.
func (p *endingPlanner) person(x endingPerson) {
	e := effectOn(p.snap, p.out.Ending, x)
	p.hash(e)
	t := &p.out.Totals
	t.People++
	t.By[e.Effect]++
	count := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	count(&t.Owners, e.Owner)
	count(&t.OwnersLose, e.Owner && e.Effect == EffectLoses)
	count(&t.BreakGlass, e.BreakGlass)
	count(&t.Unlocked, e.Unlocked)
	count(&t.Offered, e.Offered != OfferNothing)
	if p.snap.ended != nil && p.out.Ending.Kind == EndingRemove {
		p.links(x)
	}
	t.Grants += e.Grants
	list := &p.others
	switch {
	case e.Effect == EffectLoses || e.Effect == EffectLater:
		list = &p.lose
	case e.Owner:
		list = &p.owners
	}
	if len(*list) < MaxEndingPeople {
		*list = append(*list, e)
	}
}

// effectOn says what an ending means for one person.
func effectOn(snap endingSnapshot, e Ending, p endingPerson) PersonEffect {
	out := PersonEffect{AccountID: p.account.ID, Email: p.account.Email, Source: p.account.Source, Grants: p.grants}
	if p.host != nil {
		out.Owner, out.Root = p.host.Owner, p.host.Root
		if p.host.Email != "" {
			out.Email = p.host.Email
		}
	}
	if email, err := NormalizeEmail(out.Email); err == nil {
		out.BreakGlass = snap.breakGlass[email]
	}
	if e.Kind == EndingRemove && snap.ended == nil {
		out.Unlocked = p.account.SCIMUserID != ""
		out.Taken = e.TakeMemberships && p.grants > 0
	}
	out.Effect = wayIn(snap, e, p)
	if out.Effect == EffectLoses {
		out.Offered = e.Offer
	}
	return out
}

// wayIn says what becomes of a person's way in.
func wayIn(snap endingSnapshot, e Ending, p endingPerson) Effect {
	if snap.ended != nil {
		return snap.wayInElsewhere(p)
	}
	provided := p.account.Source == store.SourceSCIM || p.account.Source == store.SourceOIDC
	switch {
	case p.gone, !p.account.Active, p.host != nil && !p.host.Active:
		return EffectNone
	case !p.linked && !provided && p.account.SCIMUserID == "":
		return EffectNone // nobody signed in at the provider, nor was to
	case e.Kind == EndingDowngrade && e.Left.SSO:
		return EffectNone
	case p.host != nil && p.host.LocalCredential:
		return EffectKeeps
	case p.host == nil && !provided: // people who were here before may have a password
		return EffectUnknown
	case e.Kind == EndingDowngrade && snap.graceForever:
		return EffectNone
	case e.Kind == EndingDowngrade:
		return EffectLater
	}
	return EffectLoses
}

// plan finishes the plan.
func (p *endingPlanner) plan() EndingPlan {
	out, e := &p.out, p.out.Ending
	if p.snap.ended != nil {
		out.version = p.snap.ended.Version
	}
	p.records()
	if e.Kind == EndingRemove && p.snap.ended == nil {
		out.Removes = maps.Clone(p.snap.holdings)
		maps.DeleteFunc(out.Removes, func(kind store.RecordKind, _ int) bool { return remains(kind) })
	}
	out.People = append(append(p.lose, p.owners...), p.others...)
	out.People = slices.Clone(out.People[:min(len(out.People), MaxEndingPeople)])
	out.Findings = p.findings()
	confirmed := out.Ending
	confirmed.Confirm, confirmed.Reason = false, "" // said after the plan was seen
	out.records = p.snap.recordsHash(*out)
	p.hash([]any{out.TenantID, confirmed, out.records})
	out.Hash = hex.EncodeToString(p.sum.Sum(nil)[:16])
	return *out
}

// recordsHash stands for the records that a plan lists, and for those by which it judges people.
func (snap *endingSnapshot) recordsHash(plan EndingPlan) string {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	l := snap.lifecycle    // without its version, which changes of the set-up move: see holdLifecycle
	if snap.ended != nil { // the rest of the tenant goes on, work of its own too
		l = store.Lifecycle{}
	}
	_ = enc.Encode([]any{l, plan.Connections, plan.Directories, plan.APIKeys, plan.Domains}) // plain data, as in hash
	for _, c := range snap.connections {
		_ = enc.Encode([]any{c.ID, c.State, c.Enforced, c.BreakGlass})
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// errPlanOver says that records changed between a plan and the transaction that was to carry it out.
var errPlanOver = fmt.Errorf("tenant: the plan of an ending is over: %w", store.ErrStale)

// planHolds looks once more, in the transaction that begins the ending, at the records of the plan. People are not
// looked at again: however many there are, who changed since then is for the pages that follow.
func (s *Service) planHolds(ctx context.Context, tx store.Store, tenantID string, plan EndingPlan) error {
	snap, err := s.endingSnapshot(ctx, tx, tenantID, plan.Ending)
	if err != nil {
		return err
	}
	if snap.lifecycle.State == store.ServiceRemoving {
		return open(snap.lifecycle)
	}
	if plan.Ending.Unplanned { // nobody saw one
		return nil
	}
	now := newEndingPlanner(snap, plan.Ending)
	now.records()
	if snap.recordsHash(now.out) != plan.records {
		return errPlanOver
	}
	return nil
}

// records lists what happens to connections, directories, keys and domains.
func (p *endingPlanner) records() {
	if p.snap.ended != nil {
		p.connectionRecords()
		return
	}
	out, kind := &p.out, p.out.Ending.Kind
	scimEnds := kind == EndingDowngrade && !p.out.Ending.Left.SCIM
	for _, c := range p.snap.connections {
		r := EndedRecord{ID: c.ID, Name: c.Name, From: string(c.State), To: string(c.State)}
		switch {
		case kind == EndingRemove:
			r.To = endedRemoved
		case kind == EndingSuspend && c.State == store.ConnectionActive:
			r.To = string(store.ConnectionSuspended)
		default:
			continue
		}
		out.Connections = append(out.Connections, r)
	}
	for _, d := range p.snap.directories {
		r := EndedRecord{ID: d.ID, From: "off"}
		if d.Enabled {
			r.From = "on"
		}
		switch {
		case kind == EndingRemove:
			r.To = endedRemoved
		case d.Enabled && (kind == EndingSuspend || scimEnds):
			r.To = endedTakesAway
		default:
			continue
		}
		out.Directories = append(out.Directories, r)
	}
	if kind != EndingRemove {
		return
	}
	for _, k := range p.snap.keys {
		out.APIKeys = append(out.APIKeys, EndedRecord{ID: k.ID, Name: k.Name, From: "in force", To: endedRemoved})
	}
	for _, d := range p.snap.domains {
		r := EndedRecord{ID: d.ID, Name: d.Name, From: "claimed", To: "free"}
		if d.State == store.DomainVerified {
			r.From = "held"
		}
		out.Domains = append(out.Domains, r)
	}
}

func (p *endingPlanner) findings() []Finding {
	var out []Finding
	e, t := p.out.Ending, p.out.Totals
	add := func(f Finding) { out = append(out, f) }
	if e.Offer != OfferNothing && !p.snap.people {
		add(errorFinding(FieldEnding, CodeOfferUnsupported, "The application can't offer anything to people who lose the way in. Choose to offer nothing."))
	}
	if e.TakeMemberships && !p.snap.takes {
		add(errorFinding(FieldEnding, CodeTakeUnsupported, "The application can't take teams and roles back. Choose to keep them."))
	}
	if t.Owners > 0 && t.Owners == t.OwnersLose {
		f := errorFinding(FieldEnding, CodeOwnersLockedOut, "Every owner that is known loses every way in. Give one a password first, or confirm.")
		if e.Confirm {
			f.Severity = SeverityWarning
		}
		add(f)
	}
	if n := t.By[EffectLoses]; n > 0 {
		add(warning(FieldEnding, CodePeopleLockedOut, "%d people lose every way in.", n))
	}
	if n := t.By[EffectUnknown]; n > 0 {
		add(warning(FieldEnding, CodePeopleUnknown, "It is not known whether %d people have another way in.", n))
	}
	if n := t.By[EffectLater]; n > 0 {
		add(warning(FieldEnding, CodePlanGoesOn, "%d people go on signing in until the grace of the plan is over, and lose every way in then.", n))
	}
	if names := p.snap.unenforced(e); len(names) > 0 {
		add(warning(FieldEnding, CodeEnforcementEnds, "Sign-in at the provider is not the only way for people of %s any more: whoever has a password can use it.", strings.Join(names, ", ")))
	}
	if e.Kind == EndingRemove && slices.ContainsFunc(p.snap.directories, func(d store.Directory) bool {
		return d.Enabled && (p.snap.ended == nil || d.ConnectionID == p.snap.ended.ID)
	}) {
		add(warning(FieldEnding, CodeDirectoryStops, "Afterwards no directory takes access from people who leave: that is to be done by hand."))
	}
	ends := len(p.out.Connections)+len(p.out.Directories)+len(p.out.APIKeys)+len(p.out.Domains)+t.People > 0
	if !ends && (e.Kind != EndingRemove || len(p.out.Removes) == 0) {
		add(Finding{Field: FieldEnding, Code: CodeNothingToEnd, Severity: SeverityOK, Message: "Nothing is in use that would end."})
	}
	return out
}

// remains says which kinds of records are left after a removal: what happened, how far its readers got, and that the tenant
// was removed.
func remains(kind store.RecordKind) bool {
	switch kind {
	case store.KindEvent, store.KindPosition, store.KindLease, store.KindLifecycle, "value", "head":
		return true
	}
	return false
}
