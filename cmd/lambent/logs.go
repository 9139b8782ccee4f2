package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/ownapi"
)

func newLogs() *cobra.Command {
	var (
		c      client
		follow bool
		group  string
		since  time.Duration
	)
	cmd := &cobra.Command{
		Use:     "logs [NAME]",
		Short:   "Print what a function logged",
		Example: "  lambent logs -f hello\n  lambent logs --group /my/group --since 1h",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (group == "") == (len(args) == 0) {
				return &failure{exitUsage, errors.New("name a function, or a log group with --group")}
			}
			if group == "" {
				group = "/aws/lambda/" + args[0]
			}
			query := url.Values{"group": {group}}
			if follow {
				query.Set("follow", "1")
			}
			if since > 0 {
				query.Set("since", time.Now().Add(-since).UTC().Format(time.RFC3339Nano))
			}
			resp, err := c.do(cmd.Context(), http.MethodGet, ownapi.Prefix+"logs", query, nil, nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			err = c.printRecords(resp.Body, cmd.OutOrStdout())
			if cmd.Context().Err() != nil {
				return nil // the reader has seen enough
			}
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing as records come")
	cmd.Flags().StringVar(&group, "group", "", "log group; the default is the function's")
	cmd.Flags().DurationVar(&since, "since", 0, "not older than this; the default is all, or with -f only what comes")
	return cmd
}

// printRecords prints a record a line; on a terminal with its time.
func (c *client) printRecords(in io.Reader, out io.Writer) error {
	human := terminal(out)
	for dec := json.NewDecoder(in); ; {
		var r ownapi.Record
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read logs: %w", err)
		}
		var err error
		switch {
		case c.output == "json":
			err = json.NewEncoder(out).Encode(r)
		case human:
			_, err = fmt.Fprintf(out, "%s %s\n", r.Time.Local().Format("15:04:05.000"), strings.TrimRight(r.Message, "\n"))
		default:
			_, err = fmt.Fprintln(out, strings.TrimRight(r.Message, "\n"))
		}
		if err != nil {
			return err
		}
	}
}
