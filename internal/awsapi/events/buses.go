package events

import (
	"context"
	"strings"
	"time"
)

type bus struct {
	Name, Arn, Description, Policy string

	CreationTime, LastModifiedTime *time.Time
}

type describeBusInput struct{ Name string }

type deadLetter struct{ Arn string }

type logConfig struct{ IncludeDetail, Level string }

type describeBusOutput struct {
	Name, Arn, Description, KmsKeyIdentifier, Policy string

	DeadLetterConfig               *deadLetter
	LogConfig                      *logConfig
	CreationTime, LastModifiedTime *time.Time
}

func (a api) describeBus(_ context.Context, in *describeBusInput) (*describeBusOutput, error) {
	if err := a.onBus(in.Name); err != nil {
		return nil, err
	}
	return &describeBusOutput{Name: defaultBus, Arn: a.busARN()}, nil
}

type listBusesInput struct {
	NamePrefix, NextToken string

	Limit int32
}

type listBusesOutput struct {
	EventBuses []bus
	NextToken  string
}

func (a api) listBuses(_ context.Context, in *listBusesInput) (*listBusesOutput, error) {
	out := &listBusesOutput{EventBuses: []bus{}}
	if strings.HasPrefix(defaultBus, in.NamePrefix) {
		out.EventBuses = append(out.EventBuses, bus{Name: defaultBus, Arn: a.busARN()})
	}
	return out, nil
}
