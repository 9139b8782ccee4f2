package awsapi

import (
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// addressedTo is the service that a request without a signature is for, as far as
// its X-Amz-Target or its Host tell; empty where they do not. The signing name of a
// service need not be in either.
func addressedTo(r *http.Request) string {
	if target, _, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return ofTarget(target)
	}
	return ofHost(r.Host)
}

// ofTarget knows the targets of the services that tools around Lambda use. Others
// are called by their target.
func ofTarget(target string) string {
	switch {
	case strings.HasPrefix(target, "Logs_"):
		return "logs"
	case target == "AWSEvents":
		return "events"
	case target == CloudWatchTarget:
		return "monitoring"
	case target == "AmazonSSM":
		return "ssm"
	case target == "TrentService":
		return "kms"
	case target == "AmazonSQS":
		return "sqs"
	case target == "AWSStepFunctions":
		return "states"
	case strings.HasPrefix(target, "AmazonEC2ContainerRegistry"):
		return "ecr"
	case strings.HasPrefix(target, "DynamoDB"):
		return "dynamodb"
	case strings.HasPrefix(target, "Kinesis"):
		return "kinesis"
	}
	return target
}

var regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d$`)

// ofHost is the service of one of AWS's own host names, such as
// bucket.s3.us-east-1.amazonaws.com: what stands before the region, or last.
func ofHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".cn")
	host, aws := strings.CutSuffix(host, ".amazonaws.com")
	if !aws {
		return ""
	}
	labels := strings.Split(host, ".")
	if i := slices.IndexFunc(labels, regionName.MatchString); i > 0 {
		labels = labels[:i]
	}
	return labels[len(labels)-1]
}
