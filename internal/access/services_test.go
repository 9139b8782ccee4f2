package access

import (
	"strings"
	"testing"

	"lambent/internal/lambda"
)

// TestRuleMay: the policy of a function says which rules may invoke it.
func TestRuleMay(t *testing.T) {
	t.Parallel()
	const rule = "arn:aws:events:us-east-1:111111111111:rule/r"
	w := newWorld(t, true, roles{})
	granted := func(more string) lambda.Act {
		act := invoke()
		act.Policies = []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + fn + `","Principal":` + more + `}}`}
		return act
	}
	for name, act := range map[string]lambda.Act{
		"any rule":     granted(`{"Service":"events.amazonaws.com"}`),
		"this rule":    granted(`{"Service":"events.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":"` + rule + `"}}`),
		"this account": granted(`{"Service":"events.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}`),
		"a service":    granted(`"*","Condition":{"Bool":{"aws:PrincipalIsAWSService":"true"},"StringEquals":{"aws:PrincipalServiceName":"events.amazonaws.com"}}`),
	} {
		if err := w.RuleMay(rule, act); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const no = "events.amazonaws.com is not authorized to perform: lambda:InvokeFunction on resource: " + fn
	for name, act := range map[string]lambda.Act{
		"no policy":       invoke(),
		"another service": granted(`{"Service":"s3.amazonaws.com"}`),
		"another rule":    granted(`{"Service":"events.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":"` + rule + `2"}}`),
		"another account": granted(`{"Service":"events.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceAccount":"222222222222"}}`),
		"the account":     granted(`{"AWS":"111111111111"}`),
	} {
		refused(t, name, w.RuleMay(rule, act), lambda.AccessDenied, no)
	}
	w.reopen(t, w.Sealer, false, roles{})
	if err := w.RuleMay(rule, invoke()); err != nil {
		t.Errorf("where nobody is refused: %v", err)
	}
}

// TestSchedulesTakeTheRolesRights: a schedule has a role that its maker may pass on, that
// trusts Scheduler, and whose rights it takes.
func TestSchedulesTakeTheRolesRights(t *testing.T) {
	t.Parallel()
	const people = "arn:aws:iam::111111111111:role/people"
	trusting := strings.Replace(service, "lambda.", "scheduler.", 1)
	passer := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"scheduler.amazonaws.com"}}}}`
	r := roles{reader: {trusting, invoker}, people: {service, invoker}}
	w := newWorld(t, true, r)
	alice, err := w.admit(t, w.user(t, NewKey{User: "alice", Policies: []string{passer}}))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.admit(t, w.user(t, NewKey{User: "bob", Policies: []string{strings.Replace(passer, "scheduler.", "lambda.", 1)}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.CheckScheduleRole(t.Context(), alice, reader); err != nil {
		t.Error(err)
	}
	const cannot = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
	refused(t, "untrusting", w.CheckScheduleRole(t.Context(), alice, people), lambda.Validation, cannot)
	refused(t, "absent", w.CheckScheduleRole(t.Context(), alice, people+"2"), lambda.Validation, cannot)
	refused(t, "not passed", w.CheckScheduleRole(t.Context(), bob, reader), lambda.AccessDenied,
		"User: arn:aws:iam::111111111111:user/bob is not authorized to perform: iam:PassRole on resource: "+reader)

	if err := w.ScheduleMay(t.Context(), reader, "0123456789abcdef", invoke()); err != nil {
		t.Error(err)
	}
	other := invoke()
	other.Resource += "2"
	refused(t, "another function", w.ScheduleMay(t.Context(), reader, "0123456789abcdef", other), lambda.AccessDenied,
		"User: arn:aws:sts::111111111111:assumed-role/reader/0123456789abcdef is not authorized to perform: lambda:InvokeFunction on resource: "+fn+"2")
	refused(t, "trusts no longer", w.ScheduleMay(t.Context(), people, "0123456789abcdef", invoke()), lambda.AccessDenied,
		"scheduler.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+people)
	w.reopen(t, w.Sealer, false, r)
	if err := w.ScheduleMay(t.Context(), "nothing", "0", invoke()); err != nil {
		t.Errorf("where nobody is refused: %v", err)
	}
	if err := w.CheckScheduleRole(t.Context(), bob, "nothing"); err != nil {
		t.Errorf("where nobody is refused: %v", err)
	}
}
