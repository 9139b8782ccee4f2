package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace"
	"lambent/internal/sandbox/process"
)

func newRuntimes() *cobra.Command {
	var (
		c client
		o options
	)
	cmd := &cobra.Command{
		Use:   "runtimes",
		Short: "List the runtimes that this host has, and how to get the others",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := discover(cmd.Context(), o)
			if err != nil {
				return err
			}
			return c.show(cmd.OutOrStdout(), list, "RUNTIME\tVERSION\tFROM\tPATH", func(row func(...any)) {
				for _, f := range list {
					if f.Here() {
						row(f.Runtime, f.Version, f.Source, f.Path)
						continue
					}
					row(f.Runtime, "-", "missing", f.Missing)
				}
			})
		},
	}
	c.outputFlag(cmd)
	cmd.Flags().StringSliceVar(&o.runtimeDirs, "runtime-dir", nil, "further folders with interpreters, or with folders of them")
	return cmd
}

// discover looks for interpreters with a folder of its own to write to.
func discover(ctx context.Context, o options) ([]runtimes.Found, error) {
	dir, err := os.MkdirTemp("", "lambent-runtimes-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	set, err := runtimes.Discover(ctx, runtimeOptions(dir, o))
	if err != nil {
		return nil, err
	}
	return set.List(), nil
}

func newDoctor() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host can do, and what is missing",
		Long: `Say which isolation drivers work on this host, what each can and cannot do
here, and what to do about it. The exit status is 1 when none isolates.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reports, err := examine()
			if err != nil {
				return err
			}
			if c.output == "json" {
				err = c.show(cmd.OutOrStdout(), reports, "", nil)
			} else {
				err = printReports(cmd, reports)
			}
			if err == nil && !reports[0].Usable {
				return errors.New("environments cannot be isolated on this host")
			}
			return err
		},
	}
	c.outputFlag(cmd)
	return cmd
}

// examine tries every driver in a folder of its own.
func examine() ([]sandbox.Report, error) {
	dir, err := os.MkdirTemp("", "lambent-doctor-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := namespaceConfig(dir, slog.New(slog.DiscardHandler))
	if way, err := newNetwork(defaultNetwork); err == nil {
		c.Network = way
		defer way.Close()
	}
	isolated := namespace.Probe(c)
	plain, err := process.New(filepath.Join(dir, "process"))
	if err != nil {
		return nil, err
	}
	report := plain.Report()
	return []sandbox.Report{isolated, report}, plain.Close()
}

func printReports(cmd *cobra.Command, reports []sandbox.Report) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "host: %s/%s, %d processors, user %d\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), os.Getuid())
	for _, r := range reports {
		state := "works"
		if !r.Usable {
			state = "does not work here"
		}
		fmt.Fprintf(out, "\n%s driver: %s\n", r.Driver, state)
		for _, a := range r.Abilities {
			if a.Have {
				fmt.Fprintf(out, "  yes  %s\n", a.Name)
				continue
			}
			fmt.Fprintf(out, "  no   %s: %s\n", a.Name, a.Why)
			if a.Hint != "" {
				fmt.Fprintf(out, "       %s\n", a.Hint)
			}
		}
	}
	return nil
}
