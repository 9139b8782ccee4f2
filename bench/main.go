// Program bench measures Lambent beside what it should be compared with, in
// turns within one run: on a machine that others use too, only the ratios of one
// run mean something. README.md says how to read what it prints.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	lambent  string
	driver   string
	serve    string
	parts    []string
	rounds   int
	length   time.Duration
	starts   int
	density  int
	only     []string
	many     int
	quick    bool
	peers    []peer
	jsonFile string
}

// parts in the order in which they run.
var allParts = []string{"warm", "clients", "languages", "cold", "burst", "payload", "stream", "functions", "memory", "density", "fairness", "peers", "daemon"}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	parts := f.String("parts", "", "what to measure, comma-separated: "+strings.Join(allParts, ", ")+"; empty: all")
	f.StringVar(&o.lambent, "lambent", "bin/lambent", "the binary to measure")
	f.StringVar(&o.driver, "driver", "auto", "lambent serve --driver")
	f.StringVar(&o.serve, "serve", "", "further flags of lambent serve, separated by spaces")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of every comparison")
	f.DurationVar(&o.length, "length", 2*time.Second, "length of one side's turn")
	f.IntVar(&o.starts, "starts", 25, "cold starts per runtime")
	only := f.String("only", "", "functions of these languages only, comma-separated: go, python, node, java17 ...; empty: all that this host has")
	f.IntVar(&o.density, "density", 200, "environments of the density part")
	f.IntVar(&o.many, "functions", 500, "functions of the functions part")
	f.BoolVar(&o.quick, "quick", false, "less of everything: a few minutes, and only good to see that it works")
	f.StringVar(&o.jsonFile, "json", "", "write the rows to this file too")
	f.Func("peer", "name=command of a server that takes events on RIE's path at $ADDRESS ($PORT), for the Go function in the folder $FUNCTION; may be given again", func(text string) error {
		p, err := parsePeer(text)
		o.peers = append(o.peers, p)
		return err
	})
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected %q", f.Arg(0))
	}
	o.parts = allParts
	if *parts != "" {
		o.parts = strings.Split(*parts, ",")
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.quick {
		o.rounds, o.length, o.starts, o.density, o.many = min(o.rounds, 3), 300*time.Millisecond, 4, 20, min(o.many, 50)
	}
	return o, o.check()
}

// check refuses what could not be measured, before anything is.
func (o options) check() error {
	for _, p := range o.parts {
		if !slices.Contains(allParts, p) {
			return fmt.Errorf("-parts: no part is called %q", p)
		}
	}
	if o.rounds < 1 || o.starts < 1 || o.density < 1 || o.many < 1 || o.length <= 0 {
		return errors.New("-rounds, -starts, -density, -functions and -length: one at the least, and some time")
	}
	names := []string{"lambent", "floor"}
	for _, p := range o.peers {
		if slices.Contains(names, p.name) {
			return fmt.Errorf("-peer %s: a side of this name is there already", p.name)
		}
		names = append(names, p.name)
	}
	if len(o.peers) > 0 && !slices.Contains(o.parts, "warm") {
		return errors.New("-peer: only the part warm takes peers")
	}
	return nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(runFloor(os.Args[2:]))
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		exit(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = run(ctx, o)
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is one run.
type bench struct {
	options
	dir      string // everything temporary
	server   *server
	subjects []subject
	rows     []row
	made     int // functions created so far, for names
}

// row is one measured value.
type row struct {
	Part    string  `json:"part"`
	What    string  `json:"what"`
	Side    string  `json:"side"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Ratio   float64 `json:"ratio,omitempty"`   // to the side named in To
	Low     float64 `json:"low,omitempty"`     // the round with the least ratio
	High    float64 `json:"high,omitempty"`    // and with the most
	To      string  `json:"to,omitempty"`      // what the ratio is to
	Remarks string  `json:"remarks,omitempty"` // counts that explain the value
	Skipped string  `json:"skipped,omitempty"` // why there is no value
}

func (b *bench) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (b *bench) note(r row) {
	b.rows = append(b.rows, r)
	if r.Skipped != "" {
		b.say("%-10s %-28s %-18s skipped: %s", r.Part, r.What, r.Side, r.Skipped)
		return
	}
	line := fmt.Sprintf("%-10s %-28s %-18s %10s %-7s", r.Part, r.What, r.Side, figure(r.Value), r.Unit)
	if r.To != "" {
		line += fmt.Sprintf(" %6.2f × %s (%.2f to %.2f)", r.Ratio, r.To, r.Low, r.High)
	}
	if r.Remarks != "" {
		line += "  " + r.Remarks
	}
	b.say("%s", strings.TrimRight(line, " "))
}

// figure writes a value with four digits, and a large one whole.
func figure(v float64) string {
	if v >= 10000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "lambent-bench-")
	if err != nil {
		return err
	}
	b := &bench{options: o, dir: dir}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.say("%s on %s/%s with %d processors; %s; %s", time.Now().UTC().Format(time.RFC3339), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), lambentVersion(o.lambent), strings.Join(os.Args[1:], " "))
	if b.server, err = startLambent(o, filepath.Join(dir, "data")); err != nil {
		return err
	}
	defer func() { b.server.stop() }()
	if err := b.prepare(ctx, b.server); err != nil {
		return err
	}
	b.server.quiet(ctx)
	parts := map[string]func(context.Context) error{
		"warm": b.warm, "clients": b.clients, "languages": b.languages, "cold": b.cold, "burst": b.burst,
		"payload": b.payload, "stream": b.stream, "functions": b.functions, "memory": b.memory, "density": b.densityPart, "fairness": b.fairness, "peers": b.peersPart, "daemon": b.daemon,
	}
	for _, name := range allParts {
		if !slices.Contains(o.parts, name) {
			continue
		}
		if err := cmp.Or(parts[name](ctx), ctx.Err()); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), b.writeRows()) // those before are worth keeping
		}
	}
	return b.writeRows()
}

func (b *bench) writeRows() error {
	if b.jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(b.rows, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(b.jsonFile, append(text, '\n'), 0o644)
}

func lambentVersion(binary string) string {
	out, err := exec.Command(binary, "--version").Output()
	if err != nil {
		return "lambent of unknown version"
	}
	return strings.TrimSpace(string(out))
}
