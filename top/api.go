package top

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// maxAnswer bounds an answer of the API, bytes.
const maxAnswer = 16 << 20

// The answers of the API, as far as they are shown; docs/api.md has the whole.
type (
	counts struct {
		Packets uint64 `json:"packets"`
		Bytes   uint64 `json:"bytes"`
	}
	directions struct {
		Ingress counts `json:"ingress"`
		Egress  counts `json:"egress"`
		Inner   counts `json:"inner"`
	}
	network struct {
		ID      int32      `json:"id"`
		CIDR    string     `json:"cidr"`
		Alias   string     `json:"alias"`
		Ingress float64    `json:"ingress_rate"` // bytes/s
		Egress  float64    `json:"egress_rate"`
		Inner   float64    `json:"inner_rate"`
		Hosts   int        `json:"hosts"`
		Flows   int64      `json:"flows_active"`
		Alerts  int        `json:"engaged_alerts"`
		Spark   []*float64 `json:"spark"`
	}
	host struct {
		Address  string   `json:"address"`
		Network  string   `json:"network"`
		Sent     uint64   `json:"bytes_sent"`
		Received uint64   `json:"bytes_received"`
		Client   uint64   `json:"flows_client"`
		Server   uint64   `json:"flows_server"`
		Apps     []string `json:"apps"`
	}
	end struct {
		Address string `json:"address"`
		Port    uint16 `json:"port"`
	}
	flow struct {
		Client     end    `json:"client"`
		Server     end    `json:"server"`
		Protocol   string `json:"protocol"`
		App        string `json:"app"`
		Name       string `json:"server_name"`
		State      string `json:"state"`
		FromClient counts `json:"from_client"`
		FromServer counts `json:"from_server"`
	}
	alert struct {
		Status      string          `json:"status"`
		Network     string          `json:"network"`
		NetworkID   int32           `json:"network_id"`
		NetworkName string          `json:"network_name"`
		Check       string          `json:"check"`
		Subtype     string          `json:"subtype"`
		Severity    string          `json:"severity"`
		Score       int             `json:"score"`
		Time        string          `json:"time"`
		End         string          `json:"end"`
		Description string          `json:"description"`
		Details     json.RawMessage `json:"details"`
	}
	capture struct {
		Sources []struct {
			Interface string `json:"interface"`
			Path      string `json:"path"`
			Up        bool   `json:"up"`
		} `json:"sources"`
		Lost struct {
			Packets uint64            `json:"packets"`
			ByCause map[string]uint64 `json:"by_cause"`
		} `json:"lost"`
		Capture struct {
			counts
			Last string `json:"last"`
		} `json:"capture"`
	}
	history struct {
		Fields map[string]struct {
			Values []*float64 `json:"values"`
		} `json:"fields"`
	}
)

// An api asks a server.
type api struct {
	client *http.Client
	base   string
}

func (a *api) get(ctx context.Context, path string, q url.Values, v any) error {
	return Get(ctx, a.client, a.base, path, q, v)
}

// Get decodes the answer of the API at base to a question into v. An error has what the server says is wrong.
func Get(ctx context.Context, client *http.Client, base, path string, q url.Values, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+"?"+q.Encode(), nil)
	if err != nil {
		return fmt.Errorf("ask: %w", err) // it has the address
	}
	resp, err := client.Do(req)
	if err != nil {
		return err // a *url.Error: it has the address
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, maxAnswer)
	if resp.StatusCode != http.StatusOK {
		var problem struct {
			Title  string `json:"title"`
			Detail string `json:"detail"`
		}
		if json.NewDecoder(body).Decode(&problem) == nil && problem.Detail != "" {
			return fmt.Errorf("%s", problem.Detail)
		}
		return fmt.Errorf("%s answers %s", path, resp.Status)
	}
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("answer of %s: %w", path, err)
	}
	return nil
}

// listing are the parameters of a list: the first n rows by sort.
func listing(sort string, descending bool, n int) url.Values {
	order := "asc"
	if descending {
		order = "desc"
	}
	return url.Values{"sort": {sort}, "order": {order}, "per_page": {strconv.Itoa(n)}}
}
