// Package esapi puts index templates: PUT /_index_template/{name}.
package esapi

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Indices sends what concerns indices to one address.
type Indices struct {
	Address  string
	Username string
	Password string
	Header   http.Header
	Client   *http.Client
}

// Response is an answer of Elasticsearch, read whole.
type Response struct {
	StatusCode int
	Header     http.Header
	text       string
}

// String gives the status and the body, as Elastic's response does.
func (r *Response) String() string {
	return "[" + http.StatusText(r.StatusCode) + "] " + r.text
}

// PutIndexTemplate creates or replaces an index template.
func (i *Indices) PutIndexTemplate(name string, body io.Reader) (*Response, error) {
	address := strings.TrimRight(i.Address, "/") + "/_index_template/" + url.PathEscape(name)
	request, err := http.NewRequest(http.MethodPut, address, body)
	if err != nil {
		return nil, err
	}
	for key, values := range i.Header {
		request.Header[key] = values
	}
	request.Header.Set("Content-Type", "application/json")
	if i.Username != "" || i.Password != "" {
		request.SetBasicAuth(i.Username, i.Password)
	}
	answer, err := i.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return &Response{StatusCode: answer.StatusCode, Header: answer.Header, text: string(text)}, nil
}
