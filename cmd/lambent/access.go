package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/access"
	"lambent/internal/awsapi"
	"lambent/internal/awsapi/iam"
	"lambent/internal/awsapi/lambdaapi"
	"lambent/internal/awsapi/sts"
	"lambent/internal/lambda"
	"lambent/internal/ownapi"
	"lambent/internal/roles"
	"lambent/internal/secrets"
)

// accessOptions are who may reach the server, and how.
type accessOptions struct {
	auth     string // auto, on, off
	anyone   bool   // off, where others than this host's users can reach it
	tlsCert  string
	tlsKey   string
	endpoint string // as callers know it
}

func (o *accessOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.auth, "auth", "auto", "verify signatures and refuse what no policy allows: on, off, or auto: on unless --listen is loopback")
	f.BoolVar(&o.anyone, "insecure-let-anyone-in", false, "allow --auth off on an address that is not loopback: whoever reaches it can run code on this host")
	f.StringVar(&o.tlsCert, "tls-cert", "", "file with the certificate of the address, and those between it and its authority; then the server speaks HTTPS")
	f.StringVar(&o.tlsKey, "tls-key", "", "file with the certificate's key")
	f.StringVar(&o.endpoint, "public-endpoint", "", "URL at which callers reach this server, when it is not that of --listen")
}

// check refuses what cannot work, or what would open the host to everybody by
// mistake.
func (o accessOptions) check(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q: %w", listen, err)
	}
	switch {
	case o.auth != "auto" && o.auth != "on" && o.auth != "off":
		return fmt.Errorf("--auth %q: one of auto, on, off", o.auth)
	case o.auth == "off" && !loopback(host) && !o.anyone:
		return fmt.Errorf("--auth off with --listen %q: whoever reaches that address could run code on this host; "+
			"leave --auth out and make keys with: lambent keys create NAME --admin (or say --insecure-let-anyone-in)", listen)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key: one needs the other")
	}
	if o.endpoint != "" {
		if u, err := url.Parse(o.endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("--public-endpoint %q: not a URL such as https://lambda.example.com:3001", o.endpoint)
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// enforced tells whether callers are verified at an address.
func (o accessOptions) enforced(address *net.TCPAddr) bool {
	return o.auth == "on" || o.auth == "auto" && !address.IP.IsLoopback()
}

// secure makes the listener speak TLS where there is a certificate.
func (o accessOptions) secure(ln net.Listener) (net.Listener, error) {
	if o.tlsCert == "" {
		return ln, nil
	}
	certificate, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}

// openAccess reads keys and roles.
func (d *daemon) openAccess(ctx context.Context) (err error) {
	if d.roles, err = roles.Open(ctx, roles.Config{Home: d.home, Store: d.db, Now: time.Now}); err != nil {
		return err
	}
	box, err := secrets.Open(d.path("secret.key"))
	if err != nil {
		return err
	}
	d.access, err = access.Open(ctx, access.Config{
		Home: d.home, Keys: d.db, Sealer: box, Roles: d.roles, Enforce: d.options.access.enforced(d.address), Now: time.Now,
	})
	return err
}

// lambdaAccess is what Lambda's API asks; nil, without a cost, where everybody may
// do everything.
func (d *daemon) lambdaAccess() lambdaapi.Access {
	if !d.access.Enforced() {
		return nil
	}
	return d.access
}

// addAccess adds the APIs of roles and sessions, by signing name.
func (d *daemon) addAccess(services map[string]http.Handler) {
	services["iam"] = iam.New(d.home, d.roles, d.log)
	services["sts"] = sts.New(d.home, d.access, d.log)
}

// front is the door of all of AWS's services.
func (d *daemon) front(services map[string]http.Handler) *awsapi.Front {
	return &awsapi.Front{
		Services: services, Default: services["lambda"], Version: version,
		Gate: d.access, Home: d.home, Judging: map[string]bool{"lambda": true, ownName: true, "sts": true},
		Open: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, lambdaapi.CodePath) },
		Role: func(name string) (string, bool) {
			role, err := d.roles.Role(name)
			return role.ARN, err == nil
		},
	}
}

// credentials makes those of functions.
type credentials struct{ d *daemon }

// forEver is how long credentials last of environments that never end by themselves.
const forEver = 365 * 24 * time.Hour

// FunctionCredentials implements environment.Credentials. An environment that is due
// to end may have an invocation in progress, or extensions.
func (c credentials) FunctionCredentials(v *lambda.Version) lambda.Credentials {
	life := forEver
	if c.d.options.lifetime > 0 {
		life = c.d.options.lifetime + time.Hour
	}
	return c.d.access.FunctionCredentials(v.Role, c.d.home.FunctionARN(v.Function, ""), life)
}

// withoutBrowsers keeps out what the pages in a browser of this host send, where
// being on this host is all that it takes to be let in.
func (d *daemon) withoutBrowsers(next http.Handler) http.Handler {
	if d.access.Enforced() {
		return next
	}
	return awsapi.WithoutBrowsers(next, d.options.access.names(d.options.listen)...)
}

// names are those that the operator gave the server.
func (o accessOptions) names(listen string) []string {
	var names []string
	if host, _, err := net.SplitHostPort(listen); err == nil {
		names = append(names, strings.ToLower(host))
	}
	if u, err := url.Parse(o.endpoint); err == nil {
		names = append(names, strings.ToLower(u.Hostname()))
	}
	return names
}

// guard lets those to the server's own pages who may: where callers are verified,
// whom a policy lets. Keys are the owner's, or an administrator's, in any case.
func (d *daemon) guard(own http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch {
		case strings.HasPrefix(r.URL.Path, ownapi.Prefix+"keys"):
			r, err = d.proven(w, r)
		case d.access.Enforced():
			r, err = d.admitted(w, r)
		}
		if err != nil {
			awsapi.Stamp(w)
			awsapi.WriteError(w, err)
			return
		}
		own.ServeHTTP(w, r)
	})
}

// admitted lets a caller in to read (lambent:Read) or to change (lambent:Write).
func (d *daemon) admitted(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	r, err := awsapi.Admit(d.access, w, r)
	if err != nil {
		return r, err
	}
	act := lambda.Act{Action: "lambent:Write", Resource: "*"}
	if r.Method == http.MethodGet {
		act.Action = "lambent:Read"
	}
	who, _ := awsapi.CallerOf(r.Context())
	return r, d.access.Authorize(r.Context(), who, act)
}

func (d *daemon) proven(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	r, err := awsapi.Prove(d.access, w, r)
	if err != nil {
		return r, err
	}
	who, _ := awsapi.CallerOf(r.Context())
	if who.Root() {
		return r, nil
	}
	if !d.access.Enforced() {
		return r, lambda.Errorf(lambda.AccessDenied, "Keys are managed by whoever can read the data folder of the server.")
	}
	return r, d.access.Authorize(r.Context(), who, lambda.Act{Action: "lambent:ManageKeys", Resource: "*"})
}

// endpoint is the address of the server as its callers know it.
func (d *daemon) endpoint() string {
	switch o := d.options.access; {
	case o.endpoint != "":
		return strings.TrimSuffix(o.endpoint, "/")
	case o.tlsCert != "":
		return "https://" + d.address.String()
	}
	return "http://" + d.address.String()
}

// whoMay ends the banner.
func (d *daemon) whoMay() string {
	switch o := d.options.access; {
	case !d.access.Enforced() && !d.address.IP.IsLoopback():
		return "WARNING: whoever reaches this address can run code on this host."
	case !d.access.Enforced():
		return "Any credentials are accepted."
	case o.tlsCert == "" && !d.address.IP.IsLoopback():
		return "Callers are verified, and what they send can be read on its way: see --tls-cert."
	}
	return "Callers are verified; make keys with: lambent keys create NAME --admin"
}
