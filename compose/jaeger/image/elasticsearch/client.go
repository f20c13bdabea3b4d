// Package elasticsearch stands in for Elastic's client, as far as Jaeger uses it: one client that
// puts index templates. Elastic's own compiles the whole typed API, some thousand packages.
package elasticsearch

import (
	"errors"
	"net/http"

	"github.com/elastic/go-elasticsearch/v9/esapi"
)

// Config is what Jaeger sets of Elastic's. DiscoverNodesOnStart and CompressRequestBody have no
// effect: one request at the start goes to the first address, as it is.
type Config struct {
	Addresses            []string
	Username             string
	Password             string
	Header               http.Header
	Transport            http.RoundTripper
	DiscoverNodesOnStart bool
	CompressRequestBody  bool
}

// Client is the part of Elastic's that Jaeger uses.
type Client struct {
	Indices *esapi.Indices
}

// NewClient makes a client; it connects when it is used.
func NewClient(config Config) (*Client, error) {
	if len(config.Addresses) == 0 {
		return nil, errors.New("elasticsearch: no address is configured")
	}
	return &Client{Indices: &esapi.Indices{
		Address:  config.Addresses[0],
		Username: config.Username,
		Password: config.Password,
		Header:   config.Header,
		Client:   &http.Client{Transport: config.Transport},
	}}, nil
}
