module github.com/tenantgate/tenantgate/examples

go 1.26.0

replace github.com/tenantgate/tenantgate => ../

require (
	github.com/miekg/dns v1.1.73
	github.com/stretchr/testify v1.12.1
	github.com/tenantgate/tenantgate v0.0.0-00010101000000-000000000000
	golang.org/x/crypto v0.58.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
