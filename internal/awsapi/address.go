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
		if service, known := ofTarget(target); known {
			return service
		}
		return target
	}
	return ofHost(r.Host)
}

// ofTarget knows the targets of the services that tools around Lambda use. Others
// are called by their target.
func ofTarget(target string) (service string, known bool) {
	switch {
	case strings.HasPrefix(target, "Logs_"):
		service = "logs"
	case target == "AWSEvents":
		service = "events"
	case target == CloudWatchTarget:
		service = "monitoring"
	case target == "AmazonSSM":
		service = "ssm"
	case target == "TrentService":
		service = "kms"
	case target == "AmazonSQS":
		service = "sqs"
	case target == "AWSStepFunctions":
		service = "states"
	case strings.HasPrefix(target, "AmazonEC2ContainerRegistry"):
		service = "ecr"
	case strings.HasPrefix(target, "DynamoDB"):
		service = "dynamodb"
	case strings.HasPrefix(target, "Kinesis"):
		service = "kinesis"
	}
	return service, service != ""
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
