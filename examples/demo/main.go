// Command demo shows Lambent at work, and fails when anything is not as it
// should be. It starts a server in a temporary folder, publishes a layer,
// creates three functions with real third-party libraries through AWS's SDK,
// invokes each of them cold and warm, looks at what they answer and log, shows
// their frozen environments, and stops, leaving nothing behind.
//
// It needs Go, Python with pip, and Node.js with npm.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	lambent string // the binary
	driver  string // of the server
	rounds  int    // invocations that are measured
}

func main() {
	var o options
	flag.StringVar(&o.lambent, "lambent", "bin/lambent", "the binary that is shown")
	flag.StringVar(&o.driver, "driver", "auto", "isolation of environments, as lambent serve --driver")
	flag.IntVar(&o.rounds, "rounds", 0, "measure so many warm invocations of the quick functions, and a tenth as many cold ones")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := show(ctx, o, &story{out: os.Stdout})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo: "+err.Error())
		os.Exit(1)
	}
}

// show tells the whole story.
func show(ctx context.Context, o options, say *story) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "lambent-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if rest := os.RemoveAll(dir); rest != nil {
			err = errors.Join(err, fmt.Errorf("remove the demo's folder: %w", rest))
		}
	}()

	say.chapter("Start a server on a free port, with its data in a temporary folder")
	s, err := startServer(o, dir)
	if err != nil {
		return err
	}
	say.line("%s", s.banner)

	err = useServer(ctx, s, o, dir, say)
	if err == nil {
		say.chapter("Stop")
	}
	if err := errors.Join(err, s.end(dir, say)); err != nil {
		return err
	}
	say.line("\nEverything was as it should be; the whole demo took %s.", round(time.Since(began)))
	return nil
}

// useServer is what happens while the server runs.
func useServer(ctx context.Context, s *server, o options, dir string, say *story) error {
	say.chapter("Build three functions with the libraries that they need")
	functions, err := buildAll(ctx, s, dir, say)
	if err != nil {
		return err
	}

	say.chapter("Create them through the AWS API")
	for _, f := range functions {
		if err := s.create(ctx, f, say); err != nil {
			return fmt.Errorf("create %s: %w", f.name, err)
		}
	}

	for i, temperature := range []string{"cold", "warm"} {
		say.chapter(invoking[temperature])
		for _, f := range functions {
			if err := s.invoke(ctx, f, temperature, f.calls[i], say); err != nil {
				return fmt.Errorf("invoke %s, %s: %w", f.name, temperature, err)
			}
		}
	}

	say.chapter("Between invocations environments stand still (lambent ps)")
	if err := s.showFrozen(ctx, len(functions), say); err != nil {
		return err
	}
	say.chapter("What it took")
	say.times(functions)
	if o.rounds > 0 {
		say.chapter(fmt.Sprintf("Measure %d warm invocations of the quick ones, and cold ones", o.rounds))
		return s.measure(ctx, functions[1:], o.rounds, say) // what the thumbnail takes is Pillow's
	}
	return nil
}

var invoking = map[string]string{
	"cold": "Invoke each for the first time: Init, then Invoke",
	"warm": "Invoke each again: thaw the same environment",
}
