package console

import (
	"net/url"
	"strings"
)

// form encodes "name=value" pairs.
func form(fields ...string) string {
	values := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Add(name, value)
	}
	return values.Encode()
}
