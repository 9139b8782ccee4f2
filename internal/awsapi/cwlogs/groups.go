package cwlogs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

const (
	standard = "STANDARD"
	maxPage  = 50 // groups and streams
	maxTags  = 50
)

type nothing struct{}

type createLogGroupInput struct {
	LogGroupName, KmsKeyId, LogGroupClass string //nolint:revive // the wire's name
	Tags                                  map[string]string
	DeletionProtectionEnabled             bool
}

func (a api) createLogGroup(ctx context.Context, in *createLogGroupInput) (*nothing, error) {
	switch {
	case in.KmsKeyId != "":
		return nil, lambda.Errorf(lambda.NotYet, "Log groups with a kmsKeyId are not yet available in Lambent.")
	case in.DeletionProtectionEnabled:
		return nil, lambda.Errorf(lambda.NotYet, "Log groups with deletionProtectionEnabled are not yet available in Lambent.")
	}
	if err := judgeTagKeys(in.Tags); err != nil {
		return nil, err
	}
	return &nothing{}, a.Groups.CreateGroup(ctx, Group{Name: in.LogGroupName, Class: in.LogGroupClass, Tags: in.Tags})
}

type groupInput struct{ LogGroupName string }

func (a api) deleteLogGroup(ctx context.Context, in *groupInput) (*nothing, error) {
	return &nothing{}, a.Groups.DeleteGroup(ctx, in.LogGroupName)
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix, LogGroupNamePattern, NextToken, LogGroupClass string

	Limit               int32
	LogGroupIdentifiers []string
}

type logGroup struct {
	LogGroupName                    string
	CreationTime                    int64
	RetentionInDays                 *int32
	MetricFilterCount               int32
	Arn, LogGroupClass, LogGroupArn string
	StoredBytes                     int64
}

type describeLogGroupsOutput struct {
	LogGroups []logGroup
	NextToken string
}

func (a api) describeLogGroups(ctx context.Context, in *describeLogGroupsInput) (*describeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, lambda.Errorf(lambda.InvalidParameter, "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	all, err := a.Groups.Groups(ctx)
	if err != nil {
		return nil, err
	}
	wanted := slices.DeleteFunc(all, func(g Group) bool { return !a.wants(in, g) })
	page, next, err := awsapi.Page(wanted, func(g Group) string { return g.Name }, in.NextToken, int(in.Limit), maxPage)
	if err != nil {
		return nil, badToken()
	}
	out := &describeLogGroupsOutput{LogGroups: []logGroup{}, NextToken: next}
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, a.shown(g))
	}
	return out, nil
}

func badToken() error {
	return lambda.Errorf(lambda.InvalidParameter, "The specified nextToken is invalid.")
}

func (a api) wants(in *describeLogGroupsInput, g Group) bool {
	class := g.Class
	if class == "" {
		class = standard
	}
	return strings.HasPrefix(g.Name, in.LogGroupNamePrefix) &&
		strings.Contains(strings.ToLower(g.Name), strings.ToLower(in.LogGroupNamePattern)) &&
		(in.LogGroupClass == "" || in.LogGroupClass == class) &&
		(in.LogGroupIdentifiers == nil || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool {
			return strings.TrimSuffix(id, ":*") == a.groupARN(g.Name) || id == g.Name
		}))
}

func (a api) shown(g Group) logGroup {
	x := logGroup{
		LogGroupName: g.Name, CreationTime: millis(g.Created), Arn: a.groupARN(g.Name) + ":*", LogGroupArn: a.groupARN(g.Name),
		LogGroupClass: g.Class, StoredBytes: g.Bytes,
	}
	if x.LogGroupClass == "" {
		x.LogGroupClass = standard
	}
	if g.Retention > 0 {
		days := int32(g.Retention)
		x.RetentionInDays = &days
	}
	return x
}

type putRetentionPolicyInput struct {
	LogGroupName    string
	RetentionInDays int32
}

func (a api) putRetentionPolicy(ctx context.Context, in *putRetentionPolicyInput) (*nothing, error) {
	return &nothing{}, a.Groups.ChangeGroup(ctx, in.LogGroupName, func(g *Group) error {
		g.Retention = int(in.RetentionInDays)
		return nil
	})
}

func (a api) deleteRetentionPolicy(ctx context.Context, in *groupInput) (*nothing, error) {
	return &nothing{}, a.Groups.ChangeGroup(ctx, in.LogGroupName, func(g *Group) error {
		g.Retention = 0
		return nil
	})
}

type tagResourceInput struct {
	ResourceArn string
	Tags        map[string]string
}

func (a api) tagResource(ctx context.Context, in *tagResourceInput) (*nothing, error) {
	name, err := a.ofARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return a.tag(ctx, name, in.Tags)
}

func (a api) tag(ctx context.Context, group string, tags map[string]string) (*nothing, error) {
	if err := judgeTagKeys(tags); err != nil {
		return nil, err
	}
	return &nothing{}, a.Groups.ChangeGroup(ctx, group, func(g *Group) error {
		all := maps.Clone(g.Tags)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, tags)
		if len(all) > maxTags {
			return lambda.Errorf(lambda.LimitExceeded, "The maximum number of tags per resource is %d.", maxTags)
		}
		g.Tags = all
		return nil
	})
}

func judgeTagKeys(tags map[string]string) error {
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return lambda.Errorf(lambda.InvalidParameter, "aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

type untagResourceInput struct {
	ResourceArn string
	TagKeys     []string
}

func (a api) untagResource(ctx context.Context, in *untagResourceInput) (*nothing, error) {
	name, err := a.ofARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return a.untag(ctx, name, in.TagKeys)
}

func (a api) untag(ctx context.Context, group string, keys []string) (*nothing, error) {
	return &nothing{}, a.Groups.ChangeGroup(ctx, group, func(g *Group) error {
		g.Tags = maps.Clone(g.Tags)
		for _, key := range keys {
			delete(g.Tags, key)
		}
		return nil
	})
}

type resourceInput struct{ ResourceArn string }

type tagsOutput struct{ Tags map[string]string }

func (a api) listTagsForResource(ctx context.Context, in *resourceInput) (*tagsOutput, error) {
	name, err := a.ofARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return a.listTagsLogGroup(ctx, &groupInput{name})
}

func (a api) listTagsLogGroup(ctx context.Context, in *groupInput) (*tagsOutput, error) {
	g, err := a.find(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	out := &tagsOutput{map[string]string{}}
	maps.Copy(out.Tags, g.Tags)
	return out, nil
}

type tagLogGroupInput struct {
	LogGroupName string
	Tags         map[string]string
}

func (a api) tagLogGroup(ctx context.Context, in *tagLogGroupInput) (*nothing, error) {
	return a.tag(ctx, in.LogGroupName, in.Tags)
}

type untagLogGroupInput struct {
	LogGroupName string
	Tags         []string
}

func (a api) untagLogGroup(ctx context.Context, in *untagLogGroupInput) (*nothing, error) {
	return a.untag(ctx, in.LogGroupName, in.Tags)
}
