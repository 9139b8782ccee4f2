package schedule

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/schedule/expression"
	"lambent/internal/store"
)

// Quotas of EventBridge.
const (
	maxRules   = 300
	maxTargets = 5
)

// RuleARN names a rule.
func (e *Engine) RuleARN(name string) string { return ruleARN(e.config.Home, name) }

// Rule finds a rule.
func (e *Engine) Rule(name string) (lambda.Rule, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.rules[name]
	if !ok {
		return r, lambda.Errorf(lambda.NotFound, "Rule %s does not exist on EventBus default.", name)
	}
	return r, nil
}

// Rules lists all rules whose names begin so, by name.
func (e *Engine) Rules(prefix string) []lambda.Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []lambda.Rule
	for _, n := range slices.Sorted(maps.Keys(e.rules)) {
		if strings.HasPrefix(n, prefix) {
			all = append(all, e.rules[n])
		}
	}
	return all
}

// PutRule makes a rule, or replaces what it says; its targets and tags stay.
func (e *Engine) PutRule(ctx context.Context, r lambda.Rule) error {
	x, err := expression.Parse(r.Expression, expression.Rules)
	if err != nil {
		return lambda.Errorf(lambda.Validation, "Parameter ScheduleExpression is not valid.")
	}
	return e.changeRule(ctx, r.Name, func(old lambda.Rule, exists bool) (lambda.Rule, error) {
		if !exists && e.countRules() >= maxRules {
			return r, limitExceeded()
		}
		now := time.Now()
		r.Since, r.Begin, r.Targets = old.Since, old.Begin, old.Targets
		if exists {
			r.Tags = old.Tags // tags are given when a rule is made
		}
		if !exists || old.Expression != r.Expression {
			r.Since, r.Begin = now, whole(now).Add(x.Period())
		}
		return r, nil
	})
}

func limitExceeded() error {
	return lambda.Errorf(lambda.LimitExceeded, "The requested resource exceeds the maximum number allowed.")
}

func (e *Engine) countRules() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.rules)
}

// changeRule is the one road of a change: decide, write, show.
func (e *Engine) changeRule(ctx context.Context, n string, decide func(old lambda.Rule, exists bool) (lambda.Rule, error)) error {
	e.change.Lock()
	defer e.change.Unlock()
	e.mu.Lock()
	old, exists := e.rules[n]
	e.mu.Unlock()
	r, err := decide(old, exists)
	if err != nil {
		return err
	}
	now := time.Now()
	if planRule(old).idle { // what it was not ready for is not made up
		r.Since = now
	}
	// A write that was begun and given up may still happen; nobody would know.
	if err := e.config.Store.PutRule(context.WithoutCancel(ctx), r); err != nil {
		return err
	}
	e.mu.Lock()
	e.rules[n] = r
	e.plan(planRule(r), now)
	e.mu.Unlock()
	e.poke()
	return nil
}

// changeOldRule is changeRule for a rule that must be there.
func (e *Engine) changeOldRule(ctx context.Context, n string, decide func(*lambda.Rule) error) error {
	return e.changeRule(ctx, n, func(r lambda.Rule, exists bool) (lambda.Rule, error) {
		if !exists {
			_, err := e.Rule(n)
			return r, err
		}
		r.Targets, r.Tags = slices.Clone(r.Targets), slices.Clone(r.Tags)
		return r, decide(&r)
	})
}

// SetRuleState enables or disables a rule.
func (e *Engine) SetRuleState(ctx context.Context, name, state string) error {
	return e.changeOldRule(ctx, name, func(r *lambda.Rule) error {
		r.State = state
		return nil
	})
}

// DeleteRule removes a rule without targets. One that is not there is no error.
func (e *Engine) DeleteRule(ctx context.Context, n string) error {
	e.change.Lock()
	defer e.change.Unlock()
	r, err := e.Rule(n)
	if err != nil {
		return nil //nolint:nilerr // as on AWS
	}
	if len(r.Targets) > 0 {
		return lambda.Errorf(lambda.Validation, "Rule can't be deleted since it has targets.")
	}
	if err := e.config.Store.DeleteRule(context.WithoutCancel(ctx), n); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.rules, n)
	e.forget(store.RuleKey(n))
	return nil
}

// PutTargets adds targets to a rule, or replaces those of the same ID.
func (e *Engine) PutTargets(ctx context.Context, rule string, targets []lambda.RuleTarget) error {
	for _, t := range targets {
		if err := e.checkTarget(t); err != nil {
			return err
		}
	}
	return e.changeOldRule(ctx, rule, func(r *lambda.Rule) error {
		for _, t := range targets {
			i := slices.IndexFunc(r.Targets, func(old lambda.RuleTarget) bool { return old.ID == t.ID })
			if i < 0 {
				r.Targets = append(r.Targets, t)
			} else {
				r.Targets[i] = t
			}
		}
		if len(r.Targets) > maxTargets {
			return limitExceeded()
		}
		return nil
	})
}

func (e *Engine) checkTarget(t lambda.RuleTarget) error {
	if err := e.checkARN(t.ARN); err != nil {
		return err
	}
	chosen := 0
	for _, set := range []bool{t.Input != "", t.InputPath != "", t.Template != nil} {
		if set {
			chosen++
		}
	}
	if chosen > 1 {
		return lambda.Errorf(lambda.Validation, "Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	}
	if t.Input != "" && !json.Valid([]byte(t.Input)) {
		return lambda.Errorf(lambda.Validation, "JSON syntax error in input for target %s.", t.ID)
	}
	paths := []string{t.InputPath}
	if t.Template != nil {
		paths = append(paths, slices.Collect(maps.Values(t.Template.Paths))...)
	}
	for _, path := range paths {
		if _, ok := parsePath(path); path != "" && !ok {
			return lambda.Errorf(lambda.Validation, "Invalid InputPath for target %s.", t.ID)
		}
	}
	return e.checkDeadLetter(t.DeadLetter)
}

// checkARN refuses targets that are no functions of this server.
func (e *Engine) checkARN(arn string) error {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 || parts[0] != "arn" {
		return lambda.Errorf(lambda.Validation, "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", arn)
	}
	ref, err := lambda.ParseReference(arn)
	if parts[2] != "lambda" || parts[5] != "function" || err != nil {
		return lambda.Errorf(lambda.NotYet, "The target %s is not available: Lambent's rules and schedules invoke functions only.", arn)
	}
	if ref.Region != e.config.Home.Region || ref.Account != e.config.Home.Account {
		return lambda.Errorf(lambda.NotYet, "The target %s is not available: Lambent has the functions of account %s in %s only.", arn, e.config.Home.Account, e.config.Home.Region)
	}
	return nil
}

// checkDeadLetter refuses dead letter queues that are no queues.
func (e *Engine) checkDeadLetter(arn string) error {
	if arn != "" && (!strings.HasPrefix(arn, "arn:") || len(strings.Split(arn, ":")) != 6 || strings.Split(arn, ":")[2] != "sqs") {
		return lambda.Errorf(lambda.Validation, "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", arn)
	}
	return nil
}

// RemoveTargets takes targets from a rule, and tells which were not there.
func (e *Engine) RemoveTargets(ctx context.Context, rule string, ids []string) (missing []string, err error) {
	err = e.changeOldRule(ctx, rule, func(r *lambda.Rule) error {
		for _, id := range ids {
			i := slices.IndexFunc(r.Targets, func(t lambda.RuleTarget) bool { return t.ID == id })
			if i < 0 {
				missing = append(missing, id)
				continue
			}
			r.Targets = slices.Delete(r.Targets, i, i+1)
		}
		return nil
	})
	return missing, err
}

// TagRule adds tags to a rule, or replaces those of the same key.
func (e *Engine) TagRule(ctx context.Context, rule string, tags []lambda.ScheduleTag) error {
	return e.changeOldRule(ctx, rule, func(r *lambda.Rule) error {
		r.Tags = withTags(r.Tags, tags)
		return nil
	})
}

// UntagRule takes tags from a rule.
func (e *Engine) UntagRule(ctx context.Context, rule string, keys []string) error {
	return e.changeOldRule(ctx, rule, func(r *lambda.Rule) error {
		r.Tags = withoutTags(r.Tags, keys)
		return nil
	})
}

func withTags(all, tags []lambda.ScheduleTag) []lambda.ScheduleTag {
	for _, t := range tags {
		i := slices.IndexFunc(all, func(old lambda.ScheduleTag) bool { return old.Key == t.Key })
		if i < 0 {
			all = append(all, t)
		} else {
			all[i] = t
		}
	}
	return all
}

func withoutTags(all []lambda.ScheduleTag, keys []string) []lambda.ScheduleTag {
	return slices.DeleteFunc(all, func(t lambda.ScheduleTag) bool { return slices.Contains(keys, t.Key) })
}
