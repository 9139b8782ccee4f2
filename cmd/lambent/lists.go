package main

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/ownapi"
)

func newPs() *cobra.Command {
	var (
		c     client
		ahead bool
	)
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the execution environments",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ahead {
				return c.stocks(cmd)
			}
			var list []ownapi.Environment
			if err := c.get(cmd.Context(), ownapi.Prefix+"environments", nil, &list); err != nil {
				return err
			}
			return c.show(cmd.OutOrStdout(), list, "ENVIRONMENT\tFUNCTION\tVERSION\tSTATE\tAGE\tIDLE\tINVOKES\tMEMORY", func(row func(...any)) {
				for _, e := range list {
					row(e.ID, e.Function, e.Version, e.State, age(e.Born), age(e.LastUsed), e.Invocations,
						fmt.Sprintf("%d/%d MB (peak %d)", e.MemoryMB, e.MemoryLimit, e.MemoryPeak))
				}
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&ahead, "ahead", false, "list what is started ahead of cold starts instead, and what they found")
	return cmd
}

// stocks lists what is started ahead.
func (c *client) stocks(cmd *cobra.Command) error {
	var list []ownapi.Stock
	if err := c.get(cmd.Context(), ownapi.Prefix+"ahead", nil, &list); err != nil {
		return err
	}
	return c.show(cmd.OutOrStdout(), list, "READY\tCOMING\tWANTED\tMEMORY\tTAKEN\tBOOTING\tBARE\tNOTHING\tPROGRAM", func(row func(...any)) {
		for _, s := range list {
			row(s.Ready, s.Coming, s.Wanted, fmt.Sprintf("%d MB", s.MemoryMB), s.Taken, s.Booting, s.Bare, s.Nothing, cmp.Or(s.Program, "(bare sandbox)"))
		}
	})
}

// listed is what ListFunctions says of a function.
type listed struct {
	FunctionName string
	Runtime      string
	Handler      string
	MemorySize   int
	Timeout      int
	CodeSize     int64
	LastModified string
}

func newFunctions() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:   "functions",
		Short: "List the functions",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []listed{}
			for query := (url.Values{}); ; {
				var page struct {
					Functions  []listed
					NextMarker string
				}
				if err := c.get(cmd.Context(), "/2015-03-31/functions", query, &page); err != nil {
					return err
				}
				list = append(list, page.Functions...)
				if page.NextMarker == "" {
					break
				}
				query = url.Values{"Marker": {page.NextMarker}}
			}
			return c.show(cmd.OutOrStdout(), list, "FUNCTION\tRUNTIME\tHANDLER\tMEMORY\tTIMEOUT\tCODE\tMODIFIED", func(row func(...any)) {
				for _, f := range list {
					row(f.FunctionName, f.Runtime, f.Handler, fmt.Sprintf("%d MB", f.MemorySize),
						time.Duration(f.Timeout)*time.Second, fmt.Sprintf("%d KB", (f.CodeSize+1023)/1024), f.LastModified)
				}
			})
		},
	}
	c.flags(cmd)
	return cmd
}
