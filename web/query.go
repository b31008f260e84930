package web

import (
	"fmt"
	"net/url"
	"strings"
)

// parseQuery reads the parameters of a URL or a form (application/x-www-form-urlencoded of the WHATWG URL
// standard, section 5.1). A semicolon is a character like others, which url.ParseQuery refuses and
// ntopng's filters have. An error is for the client.
func parseQuery(raw string) (url.Values, error) {
	values := make(url.Values)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("the query cannot be read: %w", err)
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}
