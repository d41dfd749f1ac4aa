package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// phoneApp is a host that keeps telephone numbers.
type phoneApp struct{ *app }

func (phoneApp) UpdateProfile(_ context.Context, _ store.Store, _, id string, p provisioning.Profile) error {
	fmt.Println("the application stores", p.Phone, "for", id, "confirmed:", p.PhoneConfirmed)
	return nil
}

func ExampleNewFields() {
	ctx := context.Background()
	st := memory.New()
	// What a directory provisioned before.
	now := time.Now()
	ada, _ := st.CreateSCIMUser(ctx, "acme", store.SCIMUser{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, UserName: "ada@acme.example", Active: true,
		Body: []byte(`{"userName":"ada@acme.example"}`),
	})
	_, _ = st.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "u7"}, Source: store.SourceSCIM, SCIMUserID: ada.ID, Active: true})
	_, _ = st.CreateDirectory(ctx, "acme", store.Directory{Meta: store.Meta{ID: "d1"}, Enabled: true, Preferences: store.SCIMPreferences{PhoneEditable: true}})

	var message provisioning.CodeMessage
	fields, err := provisioning.NewFields(provisioning.FieldsConfig{
		Store: st, Target: phoneApp{newApp()}, CallingCode: "49",
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		Sender: provisioning.CodeSenderFunc(func(_ context.Context, m provisioning.CodeMessage) error {
			message = m // an SMS to m.To that says m.Code.Reveal()
			return nil
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	actor := tenant.Actor{Kind: tenant.ActorUser, ID: "u7"}
	v, err := fields.Set(ctx, actor, "acme", "u7", tenant.FieldPhone, "(030) 123 456")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("waits for its code:", v.Pending.Value)

	_, err = fields.Confirm(ctx, actor, "acme", "u7", tenant.FieldPhone, "no code")
	if r, ok := errors.AsType[*provisioning.FieldRefusal](err); ok {
		fmt.Println(r.Status(), r.Code)
	}
	v, err = fields.Confirm(ctx, actor, "acme", "u7", tenant.FieldPhone, message.Code.Reveal())
	fmt.Println(v.Value, v.Source, v.Usable(), err)
	// Output:
	// waits for its code: +4930123456
	// 422 code_wrong
	// the application stores +4930123456 for u7 confirmed: true
	// +4930123456 user true <nil>
}

func ExampleParsePhone() {
	for _, text := range []string{"+49 (0)30 123456", "tel:+1-201-555-0123;ext=42", "030 123456", "none"} {
		p, err := provisioning.ParsePhone(text, "49")
		fmt.Println(p.Number, p.Extension, err != nil)
	}
	// Output:
	// +4930123456  false
	// +12015550123 42 false
	// +4930123456  false
	//   true
}
