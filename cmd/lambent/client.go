package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit statuses of the client verbs.
const (
	exitUsage    = 2 // the command line makes no sense
	exitFunction = 3 // the function failed
	exitServer   = 4 // no server answered
)

// client speaks to a running server.
type client struct {
	endpoint string
	dataDir  string // of the server: whoever reads it is its owner
	output   string // "text" or "json"
}

// flags adds what every client verb has.
func (c *client) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.endpoint, "endpoint", defaultEndpoint(), "the server (LAMBENT_ENDPOINT)")
	cmd.Flags().StringVar(&c.dataDir, "data-dir", defaultDataDir(), "folder of the server, whose reader is its owner; without it the usual AWS variables say who asks")
	c.outputFlag(cmd)
}

func (c *client) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.output, "output", "o", "text", "text or json")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if c.output != "text" && c.output != "json" {
			return &failure{exitUsage, fmt.Errorf("--output %q: text or json", c.output)}
		}
		return nil
	}
}

func defaultEndpoint() string {
	if e := os.Getenv("LAMBENT_ENDPOINT"); e != "" {
		return e
	}
	return "http://127.0.0.1:3001"
}

// do sends a request and gives a response of status 200; others are errors
// with the server's words.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	target := strings.TrimSuffix(c.endpoint, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, &failure{exitUsage, err}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if err := c.sign(req); err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	var refused *net.OpError
	if errors.As(err, &refused) {
		return nil, &failure{exitServer, fmt.Errorf("no server at %s (start one with: lambent serve): %w", c.endpoint, err)}
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, serverError(resp)
	}
	return resp, nil
}

// serverError words an error response: AWS's JSON or a line of text.
func serverError(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var aws struct{ Message string } // matches "message" too
	if json.Unmarshal(text, &aws) == nil && aws.Message != "" {
		return fmt.Errorf("%s: %s", resp.Header.Get("X-Amzn-Errortype"), aws.Message)
	}
	return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
}

// get decodes a JSON page.
func (c *client) get(ctx context.Context, path string, query url.Values, to any) error {
	resp, err := c.do(ctx, http.MethodGet, path, query, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// show prints a list: as JSON, or as a table with these columns.
func (c *client) show(out io.Writer, list any, header string, rows func(row func(cells ...any))) error {
	if c.output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, header)
	rows(func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = fmt.Sprint(c)
		}
		fmt.Fprintln(w, strings.Join(text, "\t"))
	})
	return w.Flush()
}

// age words a time ago in one unit.
func age(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// terminal tells whether a human reads the output.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
