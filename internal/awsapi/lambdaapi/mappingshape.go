package lambdaapi

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

// mapping shows an event source mapping as the API does (F199 to F204).
func (a *API) mapping(m lambda.EventSourceMapping) *types.EventSourceMappingConfiguration {
	s := m.Settings
	c := &types.EventSourceMappingConfiguration{
		UUID: aws.String(m.UUID), EventSourceMappingArn: aws.String(a.Home.EventSourceMappingARN(m.UUID)),
		FunctionArn: aws.String(a.Home.FunctionARN(m.Function, m.Qualifier)), EventSourceArn: optional(m.Source.ARN),
		State: aws.String(m.State), StateTransitionReason: aws.String(m.StateReason), LastProcessingResult: optional(m.ProcessingResult),
		LastModified: aws.Time(m.LastModified), Topics: m.Source.Topics, Queues: m.Source.Queues,
		StartingPosition: types.EventSourcePosition(m.Source.StartingPosition), StartingPositionTimestamp: m.Source.StartingTime,

		BatchSize: integer32(s.BatchSize), MaximumBatchingWindowInSeconds: integer32(s.BatchingWindowSeconds),
		ParallelizationFactor: integer32(s.Parallelization), MaximumRecordAgeInSeconds: integer32(s.MaxRecordAgeSeconds),
		MaximumRetryAttempts: integer32(s.MaxRetries), BisectBatchOnFunctionError: s.Bisect,
		TumblingWindowInSeconds: integer32(s.TumblingWindowSeconds), KMSKeyArn: s.KMSKeyARN,
		FunctionResponseTypes: listOf[types.FunctionResponseType](s.ResponseTypes), FilterCriteria: filters(s.Filters),
		SourceAccessConfigurations: accesses(s.Access),
	}
	if len(m.Source.Endpoints) > 0 {
		c.SelfManagedEventSource = &types.SelfManagedEventSource{Endpoints: m.Source.Endpoints}
	}
	if d := s.Destinations; d != nil { // only failures have one (F207)
		c.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: d.OnFailure}}
	}
	if s.Scaling != nil {
		c.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: integer32(s.Scaling.MaxConcurrency)}
	}
	if p := s.Pollers; p != nil {
		c.ProvisionedPollerConfig = &types.ProvisionedPollerConfig{MinimumPollers: integer32(p.Min), MaximumPollers: integer32(p.Max), PollerGroupName: optional(p.Group)}
	}
	if s.Metrics != nil {
		c.MetricsConfig = &types.EventSourceMappingMetricsConfig{Metrics: listOf[types.EventSourceMappingMetric](s.Metrics)}
	}
	if s.LogLevel != nil {
		c.LoggingConfig = &types.EventSourceMappingLoggingConfig{SystemLogLevel: types.EventSourceMappingSystemLogLevel(*s.LogLevel)}
	}
	if d := s.DocumentDB; d != nil {
		c.DocumentDBEventSourceConfig = &types.DocumentDBEventSourceConfig{
			DatabaseName: optional(d.Database), CollectionName: optional(d.Collection), FullDocument: types.FullDocument(d.FullDocument),
		}
	}
	showKafka(c, m)
	return c
}

func showKafka(c *types.EventSourceMappingConfiguration, m lambda.EventSourceMapping) {
	k := m.Settings.Kafka
	switch {
	case k == nil:
	case m.Source.Kind == lambda.FromMSK:
		c.AmazonManagedKafkaEventSourceConfig = &types.AmazonManagedKafkaEventSourceConfig{
			ConsumerGroupId: aws.String(k.ConsumerGroup), SchemaRegistryConfig: shownRegistry(k.Registry),
		}
	default:
		c.SelfManagedKafkaEventSourceConfig = &types.SelfManagedKafkaEventSourceConfig{
			ConsumerGroupId: aws.String(k.ConsumerGroup), SchemaRegistryConfig: shownRegistry(k.Registry),
		}
	}
}

// listOf turns a list that may be absent into one of the SDK's enums; an empty
// one stays empty.
func listOf[T ~string](list *[]string) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(*list))
	for i, s := range *list {
		out[i] = T(s)
	}
	return out
}

func filters(patterns *[]string) *types.FilterCriteria {
	if patterns == nil {
		return nil
	}
	c := &types.FilterCriteria{}
	for _, p := range *patterns {
		c.Filters = append(c.Filters, types.Filter{Pattern: aws.String(p)})
	}
	return c
}

func accesses(list *[]lambda.SourceAccess) []types.SourceAccessConfiguration {
	if list == nil {
		return nil
	}
	out := make([]types.SourceAccessConfiguration, len(*list))
	for i, s := range *list {
		out[i] = types.SourceAccessConfiguration{Type: types.SourceAccessType(s.Type), URI: optional(s.URI)}
	}
	return out
}

func shownRegistry(r *lambda.SchemaRegistry) *types.KafkaSchemaRegistryConfig {
	if r == nil {
		return nil
	}
	c := &types.KafkaSchemaRegistryConfig{SchemaRegistryURI: optional(r.URI), EventRecordFormat: types.SchemaRegistryEventRecordFormat(r.RecordFormat)}
	for _, s := range r.Access {
		c.AccessConfigs = append(c.AccessConfigs, types.KafkaSchemaRegistryAccessConfig{Type: types.KafkaSchemaRegistryAuthType(s.Type), URI: optional(s.URI)})
	}
	for _, attribute := range r.Validate {
		c.SchemaValidationConfigs = append(c.SchemaValidationConfigs, types.KafkaSchemaValidationConfig{Attribute: types.KafkaSchemaValidationAttribute(attribute)})
	}
	return c
}

// mappingSettings reads what a caller chose; what the request left out is nil.
func mappingSettings(in *sdk.UpdateEventSourceMappingInput) lambda.MappingSettings {
	s := lambda.MappingSettings{
		BatchSize: integer(in.BatchSize), BatchingWindowSeconds: integer(in.MaximumBatchingWindowInSeconds),
		Parallelization: integer(in.ParallelizationFactor), MaxRecordAgeSeconds: integer(in.MaximumRecordAgeInSeconds),
		MaxRetries: integer(in.MaximumRetryAttempts), Bisect: in.BisectBatchOnFunctionError,
		TumblingWindowSeconds: integer(in.TumblingWindowInSeconds), KMSKeyARN: in.KMSKeyArn,
		ResponseTypes: namesOf(in.FunctionResponseTypes), Access: chosenAccess(in.SourceAccessConfigurations),
		Destinations: chosenEventInvoke(nil, nil, in.DestinationConfig).Destinations,
	}
	if f := in.FilterCriteria; f != nil {
		patterns := []string{}
		for _, filter := range f.Filters {
			patterns = append(patterns, aws.ToString(filter.Pattern))
		}
		s.Filters = &patterns
	}
	if c := in.ScalingConfig; c != nil {
		s.Scaling = &lambda.MappingScaling{MaxConcurrency: integer(c.MaximumConcurrency)}
	}
	if p := in.ProvisionedPollerConfig; p != nil {
		s.Pollers = &lambda.MappingPollers{Min: integer(p.MinimumPollers), Max: integer(p.MaximumPollers), Group: aws.ToString(p.PollerGroupName)}
	}
	if c := in.MetricsConfig; c != nil {
		s.Metrics = namesOf(append([]types.EventSourceMappingMetric{}, c.Metrics...))
	}
	if l := in.LoggingConfig; l != nil {
		s.LogLevel = chosen(l.SystemLogLevel)
	}
	if d := in.DocumentDBEventSourceConfig; d != nil {
		s.DocumentDB = &lambda.DocumentDBSettings{Database: aws.ToString(d.DatabaseName), Collection: aws.ToString(d.CollectionName), FullDocument: string(d.FullDocument)}
	}
	if k := in.AmazonManagedKafkaEventSourceConfig; k != nil {
		s.Kafka = &lambda.KafkaSettings{ConsumerGroup: aws.ToString(k.ConsumerGroupId), Registry: chosenRegistry(k.SchemaRegistryConfig)}
	}
	if k := in.SelfManagedKafkaEventSourceConfig; k != nil {
		s.Kafka = &lambda.KafkaSettings{
			SelfManaged: true, ConsumerGroup: aws.ToString(k.ConsumerGroupId), ConsumptionMode: string(k.ConsumptionMode), Registry: chosenRegistry(k.SchemaRegistryConfig),
		}
	}
	return s
}

func namesOf[T ~string](list []T) *[]string {
	if list == nil {
		return nil
	}
	names := make([]string, len(list))
	for i, name := range list {
		names[i] = string(name)
	}
	return &names
}

func chosenAccess(list []types.SourceAccessConfiguration) *[]lambda.SourceAccess {
	if list == nil {
		return nil
	}
	access := make([]lambda.SourceAccess, len(list))
	for i, c := range list {
		access[i] = lambda.SourceAccess{Type: string(c.Type), URI: aws.ToString(c.URI)}
	}
	return &access
}

func chosenRegistry(c *types.KafkaSchemaRegistryConfig) *lambda.SchemaRegistry {
	if c == nil {
		return nil
	}
	r := &lambda.SchemaRegistry{URI: aws.ToString(c.SchemaRegistryURI), RecordFormat: string(c.EventRecordFormat)}
	for _, access := range c.AccessConfigs {
		r.Access = append(r.Access, lambda.SourceAccess{Type: string(access.Type), URI: aws.ToString(access.URI)})
	}
	for _, v := range c.SchemaValidationConfigs {
		r.Validate = append(r.Validate, string(v.Attribute))
	}
	return r
}
