// Package terraform proves that infrastructure tools get from Lambent what they
// get from AWS: terraform with the official provider, the aws CLI, boto3, and AWS's
// SDK for Go. It holds tests only.
package terraform
