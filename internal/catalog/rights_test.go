package catalog_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
	"lambent/internal/store/memory"
)

// grants is what roles allow: "ROLE ACTION RESOURCE".
type grants struct {
	mu      sync.Mutex
	allowed map[string]bool
	asked   []lambda.Act
	failure error
}

func (g *grants) FunctionMay(_ context.Context, role, function string, act lambda.Act) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, act)
	if g.failure != nil {
		return g.failure
	}
	if g.allowed[strings.Join([]string{role, function, act.Action, act.Resource}, " ")] {
		return nil
	}
	return lambda.Errorf(lambda.AccessDenied, "no")
}

func (g *grants) set(allowed bool, role, function, action, resource string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed[strings.Join([]string{role, functionARN(function), action, resource}, " ")] = allowed
}

// withRights gives a world in which functions may do what their roles allow.
func withRights(t *testing.T, test func(t *testing.T, w *world, g *grants)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &grants{allowed: map[string]bool{}}
		w := &world{t: t, data: &memory.Data{}, content: newContent(), observer: &observer{}}
		w.store = memory.Open(w.data)
		w.Catalog = newCatalog(w.store, w.content, w.observer, func(c *catalog.Config) { c.Rights = g })
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer w.stop()
		test(t, w, g)
	})
}

const (
	queueARN  = "arn:aws:sqs:eu-west-1:123456789012:q"
	bucketARN = "arn:aws:s3:::b"
	otherRole = "arn:aws:iam::123456789012:role/other"
)

// TestDestinationsTakeTheRolesRights: what a function's role has no right to is no
// destination of the function.
func TestDestinationsTakeTheRolesRights(t *testing.T) {
	withRights(t, func(t *testing.T, w *world, g *grants) {
		w.active("f")
		w.active("g")
		put := func(onSuccess, onFailure string) error {
			_, err := w.PutEventInvoke(t.Context(), "f", "", lambda.EventInvokeChange{Destinations: &lambda.Destinations{OnSuccess: &onSuccess, OnFailure: &onFailure}})
			return err
		}
		const cannot = "The function's execution role does not have permissions to call "
		refused(t, put(queueARN, ""), lambda.InvalidParameter, cannot+"SendMessage on "+queueARN)
		refused(t, put(functionARN("g"), ""), lambda.InvalidParameter, cannot+"InvokeFunction on "+functionARN("g"))
		refused(t, put("", bucketARN), lambda.InvalidParameter, cannot+"PutObject on "+bucketARN)
		g.set(true, role, "f", "sqs:SendMessage", queueARN)
		refused(t, put(queueARN, bucketARN), lambda.InvalidParameter, cannot+"PutObject on "+bucketARN)
		if _, err := w.EventInvoke(t.Context(), "f", ""); err == nil {
			t.Error("what was refused was kept")
		}
		refused(t, put("arn:aws:kafka:a:b:c", ""), lambda.InvalidParameter, // the form comes first
			"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:kafka:a:b:c), onFailure=OnFailure(destination=)) is invalid.")
		g.set(true, role, "f", "s3:PutObject", bucketARN+"/aws/lambda/async/f/*")
		g.set(true, role, "f", "lambda:InvokeFunction", functionARN("g"))
		if err := put(queueARN, strings.Replace(functionARN("g"), "arn:aws:", "arn:aws-cn:", 1)); err != nil {
			t.Errorf("by another way to write it: %v", err)
		}
		if err := put(queueARN, bucketARN); err != nil {
			t.Error(err)
		}
		retries := 1
		g.set(false, role, "f", "sqs:SendMessage", queueARN)
		if _, err := w.UpdateEventInvoke(t.Context(), "f", "", lambda.EventInvokeChange{MaxRetries: &retries}); err != nil {
			t.Errorf("what is not about destinations: %v", err)
		}
	})
}

// TestDestinationsOfVersions: each version has the role that it was published with.
func TestDestinationsOfVersions(t *testing.T) {
	withRights(t, func(t *testing.T, w *world, g *grants) {
		w.active("f")
		w.publish("f", "")
		w.configure("f", lambda.Settings{Role: to(otherRole)})
		synctest.Wait()
		g.set(true, otherRole, "f", "sqs:SendMessage", queueARN)
		put := func(qualifier string) error {
			_, err := w.PutEventInvoke(t.Context(), "f", qualifier, lambda.EventInvokeChange{Destinations: &lambda.Destinations{OnSuccess: to(queueARN)}})
			return err
		}
		if err := put(""); err != nil {
			t.Error(err)
		}
		refused(t, put("1"), lambda.InvalidParameter, "The function's execution role does not have permissions to call SendMessage on "+queueARN)
		if err := w.CheckDelivery(t.Context(), "f", lambda.Latest, queueARN); err != nil {
			t.Error(err)
		}
		refused(t, w.CheckDelivery(t.Context(), "f", "1", queueARN), lambda.AccessDenied, "no")
	})
}

func TestDeadLettersTakeTheRolesRights(t *testing.T) {
	withRights(t, func(t *testing.T, w *world, g *grants) {
		const topic = "arn:aws:sns:eu-west-1:123456789012:t"
		const noSQS, noSNS = "The provided execution role does not have permissions to call SendMessage on SQS", "The provided execution role does not have permissions to call Publish on SNS"
		n := newFunction("f")
		n.Settings.DeadLetter = to(queueARN)
		_, err := w.CreateFunction(t.Context(), n)
		refused(t, err, lambda.InvalidParameter, noSQS)
		g.set(true, role, "f", "sqs:SendMessage", queueARN)
		w.active("f", func(n *lambda.NewFunction) { n.Settings.DeadLetter = to(queueARN) })
		_, err = w.UpdateSettings(t.Context(), "f", lambda.Settings{DeadLetter: to(topic)}, "")
		refused(t, err, lambda.InvalidParameter, noSNS)
		_, err = w.UpdateSettings(t.Context(), "f", lambda.Settings{Role: to(otherRole)}, "")
		refused(t, err, lambda.InvalidParameter, noSQS)
		g.set(false, role, "f", "sqs:SendMessage", queueARN)
		w.configure("f", lambda.Settings{Timeout: to(7 * time.Second)}) // about neither
		synctest.Wait()
		w.configure("f", lambda.Settings{Role: to(otherRole), DeadLetter: to("")})
	})
}

// TestCheckDelivery: a role may lose its rights, and its function may go.
func TestCheckDelivery(t *testing.T) {
	withRights(t, func(t *testing.T, w *world, g *grants) {
		w.active("f")
		w.active("g")
		target := functionARN("g")
		refused(t, w.CheckDelivery(t.Context(), "f", lambda.Latest, target), lambda.AccessDenied, "no")
		g.set(true, role, "f", "lambda:InvokeFunction", target)
		if _, err := w.AddPermission(t.Context(), "g", "", lambda.Permission{StatementID: "s", Principal: "111111111111", Action: "lambda:InvokeFunction"}); err != nil {
			t.Fatal(err)
		}
		if err := w.CheckDelivery(t.Context(), "f", lambda.Latest, target); err != nil {
			t.Error(err)
		}
		if err := w.CheckDelivery(t.Context(), "f", "gone", target); err != nil {
			t.Errorf("of an alias that is gone: %v", err)
		}
		if last := g.asked[len(g.asked)-1]; len(last.Policies) != 1 || !strings.Contains(last.Policies[0], `"Sid":"s"`) {
			t.Errorf("the target's own policy was not asked: %+v", last)
		}
		g.failure = lambda.Errorf(lambda.InvalidParameter, "The role defined for the function cannot be assumed by Lambda.")
		refused(t, w.CheckDelivery(t.Context(), "f", lambda.Latest, target), lambda.AccessDenied, "The role defined for the function cannot be assumed by Lambda.")
		if err := w.DeleteFunction(t.Context(), "f", ""); err != nil {
			t.Fatal(err)
		}
		if err := w.CheckDelivery(t.Context(), "f", lambda.Latest, target); lambda.KindOf(err) != lambda.NotFound {
			t.Errorf("of a function that is gone: %v", err)
		}
	})
}
