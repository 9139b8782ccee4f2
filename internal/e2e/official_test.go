package e2e

import (
	"strings"
	"testing"

	"lambent/internal/e2e/clients"
)

// TestOfficialClients is S40 and S49: AWS's own runtime interface clients, packed
// as custom runtimes and not changed, run here.
func TestOfficialClients(t *testing.T) {
	t.Parallel()
	for _, c := range clients.All() {
		t.Run(c.Name+" "+c.Version, func(t *testing.T) {
			t.Parallel()
			archive := c.Package(t)
			s := start(t)
			name := s.deploy(t, function{runtime: "provided.al2023", handler: c.Handler, archives: archive, memory: 1024, timeout: 30})
			var echo struct{ A []any }
			s.call(t, name, `{"op":"echo","value":{"A":[1,"é"]}}`).into(t, &echo)
			if len(echo.A) != 2 || echo.A[1] != "é" {
				t.Errorf("echoed %+v", echo)
			}
			var context struct{ ARN, ID string }
			r := s.call(t, name, `{"op":"context"}`)
			r.into(t, &context)
			if !strings.HasSuffix(context.ARN, ":function:"+name) || !strings.Contains(r.log, "START RequestId: "+context.ID) {
				t.Errorf("context %+v, log:\n%s", context, r.log)
			}
			if r := s.call(t, name, `{"op":"print","text":"printed here"}`); !strings.Contains(r.log, "printed here") {
				t.Errorf("the printed line is not in the log:\n%s", r.log)
			}
			if r := s.call(t, name, `{"op":"raise","message":"on purpose"}`); r.fault != "Unhandled" || !strings.Contains(r.payload, "on purpose") {
				t.Errorf("raised: %+v", r)
			}
			if r := s.call(t, name, `{"op":"exit","code":3}`); !strings.Contains(r.payload, "Runtime exited with error: exit status 3") {
				t.Errorf("exited: %+v", r)
			}
			s.call(t, name, `{"op":"echo","value":{"A":[]}}`).into(t, &echo)
		})
	}
}
