package scheduler

import (
	"context"
	"strings"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

type tag struct{ Key, Value string }

func readTags(tags []tag) []lambda.ScheduleTag {
	all := make([]lambda.ScheduleTag, len(tags))
	for i, t := range tags {
		all[i] = lambda.ScheduleTag(t)
	}
	return all
}

type createGroupInput struct {
	Name, ClientToken string

	Tags []tag
}

type groupOutput struct{ ScheduleGroupArn string }

func (a api) createGroup(ctx context.Context, in *createGroupInput) (*groupOutput, error) {
	err := a.Groups.CreateGroup(ctx, lambda.ScheduleGroup{Name: in.Name, Tags: readTags(in.Tags), Token: in.ClientToken})
	return &groupOutput{a.groupARN(in.Name)}, err
}

type groupInput struct{ Name string }

// group is a group as GetScheduleGroup and lists show it.
type group struct {
	Arn, Name, State                   string
	CreationDate, LastModificationDate *time.Time
}

func (a api) group(g lambda.ScheduleGroup) group {
	out := group{Arn: a.groupARN(g.Name), Name: g.Name, State: "ACTIVE"}
	if !g.Created.IsZero() { // nobody made the default group
		out.CreationDate, out.LastModificationDate = &g.Created, &g.Modified
	}
	return out
}

func (a api) getGroup(_ context.Context, in *groupInput) (*group, error) {
	g, err := a.Groups.Group(in.Name)
	if err != nil {
		return nil, err
	}
	out := a.group(g)
	return &out, nil
}

type listGroupsInput struct {
	NamePrefix, NextToken string

	MaxResults *int32
}

type listGroupsOutput struct {
	NextToken      string
	ScheduleGroups []group
}

func (a api) listGroups(_ context.Context, in *listGroupsInput) (*listGroupsOutput, error) {
	page, next, err := awsapi.Page(a.Groups.Groups(in.NamePrefix), func(g lambda.ScheduleGroup) string { return g.Name }, in.NextToken, limit(in.MaxResults), maxPage)
	out := &listGroupsOutput{NextToken: next, ScheduleGroups: []group{}}
	for _, g := range page {
		out.ScheduleGroups = append(out.ScheduleGroups, a.group(g))
	}
	return out, err
}

type deleteGroupInput struct{ Name, ClientToken string }

func (a api) deleteGroup(ctx context.Context, in *deleteGroupInput) (*nothing, error) {
	return &nothing{}, a.Groups.DeleteGroup(ctx, in.Name)
}

type resourceInput struct{ ResourceArn string }

type tagsOutput struct{ Tags []tag }

// tagged finds the group whose tags are meant.
func (a api) tagged(arn string) (lambda.ScheduleGroup, error) {
	name, ok := strings.CutPrefix(arn, a.groupARN(""))
	if !ok {
		return lambda.ScheduleGroup{}, lambda.Errorf(lambda.NotFound, "The resource %s does not exist.", arn)
	}
	return a.Groups.Group(name)
}

func (a api) listTags(_ context.Context, in *resourceInput) (*tagsOutput, error) {
	g, err := a.tagged(in.ResourceArn)
	out := &tagsOutput{Tags: []tag{}}
	for _, t := range g.Tags {
		out.Tags = append(out.Tags, tag(t))
	}
	return out, err
}

type tagInput struct {
	ResourceArn string
	Tags        []tag
}

func (a api) tag(ctx context.Context, in *tagInput) (*nothing, error) {
	g, err := a.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.Tags.TagGroup(ctx, g.Name, readTags(in.Tags))
}

type untagInput struct {
	ResourceArn string
	TagKeys     []string
}

func (a api) untag(ctx context.Context, in *untagInput) (*nothing, error) {
	g, err := a.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.Tags.UntagGroup(ctx, g.Name, in.TagKeys)
}
