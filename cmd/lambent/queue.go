package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/ownapi"
)

// queueClient is the verb queue and its verbs.
type queueClient struct {
	client
	dead     bool
	waiting  bool
	function string
}

func newQueue() *cobra.Command {
	var c queueClient
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show the asynchronous invocations that wait, or those that are dead",
		Long: `Show the asynchronous invocations that wait for an attempt, or with --dead those
that failed for good and that no destination or dead letter queue has.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.list(cmd) },
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.dead, "dead", false, "show those that are dead")
	cmd.Flags().StringVarP(&c.function, "function", "f", "", "only those of one function")
	cmd.AddCommand(
		newQueueChange("replay", "Try events at once; a dead one begins anew, with all its retries"),
		newQueueChange("drop", "Forget events"),
	)
	return cmd
}

func (c *queueClient) page(cmd *cobra.Command, dead bool) (page ownapi.QueuePage, err error) {
	query := url.Values{"dead": {strconv.FormatBool(dead)}, "function": {c.function}}
	return page, c.get(cmd.Context(), ownapi.Prefix+"queue", query, &page)
}

func (c *queueClient) list(cmd *cobra.Command) error {
	page, err := c.page(cmd, c.dead)
	if err != nil {
		return err
	}
	header := "REQUEST\tFUNCTION\tAGE\tINVOKED\tNEXT\tSTATE"
	if c.dead {
		header = "REQUEST\tFUNCTION\tAGE\tINVOKED\tCONDITION\tPROBLEM"
	}
	err = c.show(cmd.OutOrStdout(), page, header, func(row func(...any)) {
		for _, e := range page.Events {
			name := e.Function
			if e.Qualifier != "" {
				name += ":" + e.Qualifier
			}
			if c.dead {
				row(e.RequestID, name, age(e.Accepted), e.Invocations, e.Condition, oneLine(e.Problem))
				continue
			}
			row(e.RequestID, name, age(e.Accepted), e.Invocations, until(e.Due), oneLine(e.Problem))
		}
	})
	if more := page.Total - len(page.Events); err == nil && more > 0 && c.output != "json" {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "and %d more\n", more)
	}
	return err
}

// until words the time to a moment.
func until(t time.Time) string {
	if d := time.Until(t); d > 0 {
		return "in " + d.Round(time.Second).String()
	}
	return "now"
}

// oneLine is the beginning of a text that may be long.
func oneLine(s string) string {
	const longest = 100
	for i, r := range s {
		if r < ' ' || i >= longest {
			return s[:i] + "…"
		}
	}
	return s
}

func newQueueChange(verb, short string) *cobra.Command {
	var c queueClient
	cmd := &cobra.Command{
		Use:     verb + " [REQUEST-ID...]",
		Short:   short,
		Example: "  lambent queue " + verb + " 8a1e…\n  lambent queue " + verb + " --dead --function thumbnail",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if (len(ids) > 0) == (c.dead || c.waiting) {
				return &failure{exitUsage, errors.New("say request IDs, or --dead or --waiting for all of those")}
			}
			return c.change(cmd, verb, ids)
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.dead, "dead", false, "all that are dead")
	cmd.Flags().BoolVar(&c.waiting, "waiting", false, "all that wait")
	cmd.Flags().StringVarP(&c.function, "function", "f", "", "with --dead and --waiting: only those of one function")
	return cmd
}

func (c *queueClient) change(cmd *cobra.Command, verb string, ids []string) error {
	done, err := 0, error(nil)
	if len(ids) > 0 {
		for _, id := range ids {
			var found bool
			if found, err = c.changeOne(cmd, verb, id); err == nil && !found {
				err = fmt.Errorf("no event %s waits or is dead; it may be running", id)
			}
			if err != nil {
				break
			}
			done++
		}
	} else {
		done, err = c.changeAll(cmd, verb)
	}
	if err != nil {
		return err
	}
	return c.show(cmd.OutOrStdout(), map[string]int{verb: done}, verb+"\t"+strconv.Itoa(done), func(func(...any)) {})
}

func (c *queueClient) changeOne(cmd *cobra.Command, verb, id string) (found bool, err error) {
	resp, err := c.do(cmd.Context(), http.MethodPost, ownapi.Prefix+"queue/"+verb, url.Values{"request": {id}}, nil, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	var answer ownapi.QueueChange
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return false, fmt.Errorf("read answer: %w", err)
	}
	return answer.Found, nil
}

// changeAll changes each event that is there now once. One that begins to run
// meanwhile is left alone.
func (c *queueClient) changeAll(cmd *cobra.Command, verb string) (done int, err error) {
	seen := map[string]bool{}
	for _, dead := range []bool{true, false} {
		if dead && !c.dead || !dead && !c.waiting {
			continue
		}
		for news := true; news; {
			page, err := c.page(cmd, dead)
			if err != nil {
				return done, err
			}
			news = false
			for _, e := range page.Events {
				if seen[e.RequestID] {
					continue
				}
				seen[e.RequestID], news = true, true
				found, err := c.changeOne(cmd, verb, e.RequestID)
				if err != nil {
					return done, err
				}
				if found {
					done++
				}
			}
		}
	}
	return done, nil
}
