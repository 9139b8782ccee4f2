package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/lambda"
	"lambent/internal/stream"
)

// options are what the operator chose.
type options struct {
	listen  string
	dataDir string
	account string
	region  string
	apiRate string

	streamRateMB int

	fileSystems []string

	driver      string
	network     string
	injectSelf  bool
	runtimeDirs []string
	anyArch     bool

	concurrency     int
	maxEnvironments int
	maxMemoryMB     int
	maxStarting     int
	waiters         int
	wait            time.Duration
	idle            time.Duration
	lifetime        time.Duration
	freezeAfter     time.Duration
	bootPoolMB      int

	logRetention time.Duration
	logMaxMB     int
	oldLogs      bool

	asyncDelay       time.Duration
	asyncConcurrency int
	deadRetention    time.Duration
	awsEndpoints     []string

	s3Endpoint string
	s3Region   string
	upstream   string

	access accessOptions

	drain   time.Duration
	verbose bool
}

// defaultNetwork is the way out that environments have when nobody says otherwise.
const defaultNetwork = "nat"

// defaultFreezeAfter lets back-to-back invocations skip the freeze. A client that
// calls again at once does so within a millisecond; on a busy host a few.
const defaultFreezeAfter = 10 * time.Millisecond

func newServe() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server: the AWS Lambda API on one address, and the execution
environments of its functions on this host.

On loopback any credentials are accepted; elsewhere callers are verified, with
keys that lambent keys makes (see --auth). Everything that was acknowledged is
kept in the data folder; one server uses it at a time. SIGTERM drains:
invocations in progress finish, for as long as --drain says.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:3001", "address of the API; port 0 takes a free one")
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir(), "folder of everything that is kept")
	f.StringVar(&o.account, "account-id", "000000000000", "the account that functions belong to")
	f.StringVar(&o.region, "region", "us-east-1", "the region in ARNs and in AWS_REGION")
	f.StringVar(&o.driver, "driver", "auto", "isolation of environments: auto, namespace or process (see lambent doctor)")
	f.StringVar(&o.network, "network", defaultNetwork, "what environments reach: nat (outbound connections), host (and the host's loopback), none")
	f.BoolVar(&o.injectSelf, "inject-endpoint", true, "set AWS_ENDPOINT_URL in functions to this server")
	f.StringSliceVar(&o.runtimeDirs, "runtime-dir", nil, "further folders with interpreters, or with folders of them")
	f.BoolVar(&o.anyArch, "any-architecture", false, "run functions made for another architecture with this host's interpreters")
	f.IntVar(&o.concurrency, "concurrency", lambda.DefaultConcurrency, "concurrent executions of the account, of which AWS keeps 100 unreserved; ten times as many requests in a second")
	f.IntVar(&o.maxEnvironments, "max-environments", 1000, "how many environments may exist")
	f.IntVar(&o.maxMemoryMB, "max-memory", 0, "MB that the memory limits of all environments may add up to; 0: this host's memory")
	f.IntVar(&o.maxStarting, "max-starting", 0, "how many environments may start at once; 0: 16 for each processor")
	f.IntVar(&o.waiters, "max-waiting", 10000, "how many callers may wait for an environment; more get 429")
	f.DurationVar(&o.wait, "max-wait", 2*time.Minute, "how long a caller may wait for an environment before it gets 429; within what is reserved or provisioned for its function, 15m longer, unless more is provisioned than the host holds")
	f.DurationVar(&o.idle, "idle-timeout", 10*time.Minute, "when an environment without invocations ends; 0: never")
	f.DurationVar(&o.lifetime, "max-lifetime", 2*time.Hour, "when an environment ends however busy its function is; 0: never")
	f.DurationVar(&o.freezeAfter, "freeze-after", defaultFreezeAfter, "how long an environment stays awake when it has nothing to do; up to four times as long if its clients come back soon after")
	f.IntVar(&o.bootPoolMB, "boot-pool-memory", defaultBootPoolMB, "MB that sandboxes and runtimes may take that are started ahead of cold starts; 0: none are")
	f.DurationVar(&o.logRetention, "log-retention", 0, "when log records of groups without a retention of their own go; 0: when --log-max is reached")
	f.IntVar(&o.logMaxMB, "log-max", 2048, "MB of log records that are kept")
	f.BoolVar(&o.oldLogs, "old-log-format", false, "write failures to logs as AWS did before 2024")
	f.DurationVar(&o.asyncDelay, "async-retry-delay", time.Minute, "when an asynchronous event is tried again after its function failed; other delays are in proportion")
	f.IntVar(&o.asyncConcurrency, "async-concurrency", 0, "how many asynchronous events run at once, half of them of one function; 0: 16 for each processor")
	f.DurationVar(&o.deadRetention, "dead-retention", 14*24*time.Hour, "how long asynchronous events are kept that failed and that no destination has")
	f.StringSliceVar(&o.awsEndpoints, "aws-endpoint", nil, "URL of the services that outcomes of asynchronous events are sent to, "+
		"or sqs=URL, sns=URL, events=URL, s3=URL; aws for AWS itself; its credentials are the usual AWS variables")
	f.StringVar(&o.s3Endpoint, "s3-endpoint", "", "S3 server that code with S3Bucket and S3Key comes from; its credentials are the usual AWS variables")
	f.StringVar(&o.s3Region, "s3-region", "", "region of that server; the default is --region")
	f.StringVar(&o.upstream, "upstream", "", "endpoint that requests for services that Lambent does not have are forwarded to, unchanged")
	f.StringArrayVar(&o.fileSystems, "file-system", nil, "ARN=FOLDER: the folder of this host that functions find where they mount this access point, with the folder's own permissions; may be given again")
	f.StringVar(&o.apiRate, "api-rate", "", "requests a second that are let in; aws for AWS's own, or a list such as "+ratesOfAWS+"; empty: any number")
	f.IntVar(&o.streamRateMB, "stream-rate", int(stream.AWS().PerSecond>>20), "MB a second of a streamed response after its first 6; 0: as quickly as its reader takes it")
	o.access.flags(cmd)
	f.DurationVar(&o.drain, "drain", 30*time.Second, "how long invocations may finish after SIGTERM")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say more on standard error")
	return cmd
}

func defaultDataDir() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lambent")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "lambent-data"
	}
	return filepath.Join(home, ".local", "share", "lambent")
}

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	regionPattern  = regexp.MustCompile(`^(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d$`)
)

// check refuses what cannot work, with what to do instead.
func (o options) check() error {
	switch {
	case !accountPattern.MatchString(o.account):
		return fmt.Errorf("--account-id %q: an account is twelve digits", o.account)
	case !regionPattern.MatchString(o.region):
		return fmt.Errorf("--region %q: not the name of a region, such as us-east-1", o.region)
	case o.network != "nat" && o.network != "host" && o.network != "none":
		return fmt.Errorf("--network %q: one of nat, host, none", o.network)
	case o.driver != "auto" && o.driver != "namespace" && o.driver != "process":
		return fmt.Errorf("--driver %q: one of auto, namespace, process", o.driver)
	case o.asyncDelay < time.Millisecond:
		return errors.New("--async-retry-delay: at least 1ms")
	case o.negative() != "":
		return fmt.Errorf("--%s: not negative", o.negative())
	case o.concurrency < 1:
		return errors.New("--concurrency: at least 1")
	case o.maxEnvironments < 1:
		return errors.New("--max-environments: at least 1")
	}
	return o.access.check(o.listen)
}

// serve runs the daemon until ctx ends, then drains.
func serve(ctx context.Context, o options, out io.Writer) error {
	if err := o.check(); err != nil {
		return &failure{2, err}
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	processors := newProcessors()
	settle := hurry(processors)
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	address := ln.Addr().(*net.TCPAddr)
	if ln, err = o.access.secure(ln); err != nil {
		return &failure{exitUsage, err}
	}
	d, err := open(ctx, o, address, processors, log)
	if err != nil {
		ln.Close()
		return err
	}
	fmt.Fprintln(out, d.banner())
	settle()
	d.begin()
	return d.serve(ctx, ln)
}

// negative names an option that is below zero, where that means nothing; empty: there
// is none.
func (o options) negative() string {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max-memory", int64(o.maxMemoryMB)}, {"max-starting", int64(o.maxStarting)}, {"max-waiting", int64(o.waiters)}, {"max-wait", int64(o.wait)},
		{"idle-timeout", int64(o.idle)}, {"max-lifetime", int64(o.lifetime)}, {"freeze-after", int64(o.freezeAfter)}, {"boot-pool-memory", int64(o.bootPoolMB)},
		{"log-retention", int64(o.logRetention)}, {"log-max", int64(o.logMaxMB)}, {"async-concurrency", int64(o.asyncConcurrency)},
		{"dead-retention", int64(o.deadRetention)}, {"stream-rate", int64(o.streamRateMB)}, {"drain", int64(o.drain)},
	} {
		if n.value < 0 {
			return n.name
		}
	}
	return ""
}
