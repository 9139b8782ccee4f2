package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"
)

func newInvoke() *cobra.Command {
	var (
		c         client
		event     string
		qualifier string
		tail      bool
	)
	cmd := &cobra.Command{
		Use:   "invoke NAME",
		Short: "Invoke a function and print its answer",
		Long: `Invoke a function and print its answer on standard output. The exit status is
3 when the function failed; its error is the answer then.`,
		Example: `  lambent invoke hello -e event.json --tail
  echo '{"n": 1}' | lambent invoke hello -e -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			payload, err := readEvent(event, cmd.InOrStdin())
			if err != nil {
				return &failure{exitUsage, err}
			}
			header := http.Header{"Content-Type": {"application/json"}}
			if tail {
				header.Set("X-Amz-Log-Type", "Tail")
			}
			query := url.Values{}
			if qualifier != "" {
				query.Set("Qualifier", qualifier)
			}
			path := "/2015-03-31/functions/" + url.PathEscape(args[0]) + "/invocations"
			resp, err := c.do(cmd.Context(), http.MethodPost, path, query, bytes.NewReader(payload), header)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			return c.answer(resp, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVarP(&event, "event", "e", "", "file with the event; - is standard input; the default is {}")
	cmd.Flags().StringVarP(&qualifier, "qualifier", "q", "", "version or alias")
	cmd.Flags().BoolVar(&tail, "tail", false, "print the end of the invocation's log on standard error")
	return cmd
}

func readEvent(name string, in io.Reader) ([]byte, error) {
	switch name {
	case "":
		return []byte("{}"), nil
	case "-":
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// invocation is the answer in JSON output.
type invocation struct {
	Payload   json.RawMessage `json:"payload"`
	Fault     string          `json:"functionError,omitempty"`
	Version   string          `json:"executedVersion"`
	RequestID string          `json:"requestId"`
	Log       string          `json:"log,omitempty"`
}

// answer prints an invocation's result.
func (c *client) answer(resp *http.Response, out, problems io.Writer) error {
	payload, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	log, _ := base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
	fault := resp.Header.Get("X-Amz-Function-Error")
	if c.output == "json" {
		if !json.Valid(payload) {
			payload, _ = json.Marshal(string(payload))
		}
		err = json.NewEncoder(out).Encode(invocation{
			payload, fault, resp.Header.Get("X-Amz-Executed-Version"), resp.Header.Get("X-Amzn-Requestid"), string(log),
		})
	} else {
		_, _ = problems.Write(log)
		_, err = fmt.Fprintf(out, "%s\n", payload)
	}
	if err == nil && fault != "" {
		return &failure{exitFunction, errors.New("the function failed: " + fault)}
	}
	return err
}
