package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Mappings keeps event source mappings, by UUID.
type Mappings interface {
	CreateMapping(ctx context.Context, n lambda.NewMapping) (lambda.EventSourceMapping, error)
	UpdateMapping(ctx context.Context, uuid string, change lambda.MappingChange) (lambda.EventSourceMapping, error)
	// DeleteMapping begins to remove a mapping and answers what it is then.
	DeleteMapping(ctx context.Context, uuid string) (lambda.EventSourceMapping, error)
	Mapping(ctx context.Context, uuid string) (lambda.EventSourceMapping, error)
	Mappings(ctx context.Context, f lambda.MappingFilter) ([]lambda.EventSourceMapping, string, error)
}

// MappingTags changes the tags of event source mappings.
type MappingTags interface {
	TagMapping(ctx context.Context, uuid string, tags map[string]string) error
	UntagMapping(ctx context.Context, uuid string, keys []string) error
}

func (a *API) registerMappings() {
	s := a.service
	awsapi.Handle(s, "CreateEventSourceMapping", a.createEventSourceMapping)
	awsapi.Handle(s, "GetEventSourceMapping", a.getEventSourceMapping)
	awsapi.Handle(s, "UpdateEventSourceMapping", a.updateEventSourceMapping)
	awsapi.Handle(s, "DeleteEventSourceMapping", a.deleteEventSourceMapping)
	awsapi.Handle(s, "ListEventSourceMappings", a.listEventSourceMappings)
}

func (a *API) createEventSourceMapping(ctx context.Context, in *sdk.CreateEventSourceMappingInput) (*sdk.CreateEventSourceMappingOutput, error) {
	ref, err := a.function(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	n := lambda.NewMapping{
		Function: ref, Disabled: in.Enabled != nil && !*in.Enabled, Tags: in.Tags, SelfManaged: in.SelfManagedEventSource != nil,
		Source: lambda.EventSource{
			ARN: aws.ToString(in.EventSourceArn), Topics: in.Topics, Queues: in.Queues,
			StartingPosition: string(in.StartingPosition), StartingTime: in.StartingPositionTimestamp,
		},
		Settings: mappingSettings(&sdk.UpdateEventSourceMappingInput{
			BatchSize: in.BatchSize, MaximumBatchingWindowInSeconds: in.MaximumBatchingWindowInSeconds, ParallelizationFactor: in.ParallelizationFactor,
			MaximumRecordAgeInSeconds: in.MaximumRecordAgeInSeconds, MaximumRetryAttempts: in.MaximumRetryAttempts,
			BisectBatchOnFunctionError: in.BisectBatchOnFunctionError, TumblingWindowInSeconds: in.TumblingWindowInSeconds,
			FilterCriteria: in.FilterCriteria, FunctionResponseTypes: in.FunctionResponseTypes, DestinationConfig: in.DestinationConfig,
			SourceAccessConfigurations: in.SourceAccessConfigurations, ScalingConfig: in.ScalingConfig, ProvisionedPollerConfig: in.ProvisionedPollerConfig,
			MetricsConfig: in.MetricsConfig, LoggingConfig: in.LoggingConfig, KMSKeyArn: in.KMSKeyArn,
			AmazonManagedKafkaEventSourceConfig: in.AmazonManagedKafkaEventSourceConfig,
			SelfManagedKafkaEventSourceConfig:   in.SelfManagedKafkaEventSourceConfig,
			DocumentDBEventSourceConfig:         in.DocumentDBEventSourceConfig,
		}),
	}
	if s := in.SelfManagedEventSource; s != nil {
		n.Source.Endpoints = s.Endpoints
	}
	m, err := a.Catalog.CreateMapping(ctx, n)
	if err != nil {
		return nil, err
	}
	return flat[sdk.CreateEventSourceMappingOutput](a.mapping(m)), nil
}

func (a *API) getEventSourceMapping(ctx context.Context, in *sdk.GetEventSourceMappingInput) (*sdk.GetEventSourceMappingOutput, error) {
	m, err := a.Catalog.Mapping(ctx, *in.UUID)
	if err != nil {
		return nil, err
	}
	return flat[sdk.GetEventSourceMappingOutput](a.mapping(m)), nil
}

func (a *API) updateEventSourceMapping(ctx context.Context, in *sdk.UpdateEventSourceMappingInput) (*sdk.UpdateEventSourceMappingOutput, error) {
	change := lambda.MappingChange{Enabled: in.Enabled, Settings: mappingSettings(in)}
	if in.FunctionName != nil {
		ref, err := a.function(*in.FunctionName)
		if err != nil {
			return nil, err
		}
		change.Function = &ref
	}
	m, err := a.Catalog.UpdateMapping(ctx, *in.UUID, change)
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateEventSourceMappingOutput](a.mapping(m)), nil
}

func (a *API) deleteEventSourceMapping(ctx context.Context, in *sdk.DeleteEventSourceMappingInput) (*sdk.DeleteEventSourceMappingOutput, error) {
	m, err := a.Catalog.DeleteMapping(ctx, *in.UUID)
	if err != nil {
		return nil, err
	}
	return flat[sdk.DeleteEventSourceMappingOutput](a.mapping(m)), nil
}

// listEventSourceMappings does not ask whether the function exists (F213).
func (a *API) listEventSourceMappings(ctx context.Context, in *sdk.ListEventSourceMappingsInput) (*sdk.ListEventSourceMappingsOutput, error) {
	filter := lambda.MappingFilter{SourceARN: aws.ToString(in.EventSourceArn), Marker: aws.ToString(in.Marker), Max: int(aws.ToInt32(in.MaxItems))}
	if in.FunctionName != nil {
		ref, err := a.function(*in.FunctionName)
		if err != nil {
			return nil, err
		}
		filter.Function = &ref
	}
	mappings, next, err := a.Catalog.Mappings(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListEventSourceMappingsOutput{EventSourceMappings: []types.EventSourceMappingConfiguration{}, NextMarker: marker(next)}
	for _, m := range mappings {
		out.EventSourceMappings = append(out.EventSourceMappings, *a.mapping(m))
	}
	return out, nil
}
