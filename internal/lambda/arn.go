package lambda

import (
	"errors"
	"strconv"
	"strings"
)

// Home is where this Lambent lives: the partition, region and account that its
// ARNs carry.
type Home struct {
	Partition string // "aws"
	Region    string // "us-east-1"
	Account   string // twelve digits
}

// FunctionARN names a function, or one of its versions or aliases when the
// qualifier is not empty.
func (h Home) FunctionARN(name, qualifier string) string {
	arn := h.prefix() + "function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

// LayerARN names a layer without a version.
func (h Home) LayerARN(name string) string { return h.prefix() + "layer:" + name }

// LayerVersionARN names one version of a layer.
func (h Home) LayerVersionARN(name string, version int64) string {
	return h.LayerARN(name) + ":" + strconv.FormatInt(version, 10)
}

func (h Home) prefix() string {
	return "arn:" + h.Partition + ":lambda:" + h.Region + ":" + h.Account + ":"
}

// Reference is what a caller wrote to mean a function: a name, a partial or a
// full ARN, with or without a qualifier (F017). Region and Account are empty
// when the caller left them out.
type Reference struct {
	Region, Account string
	Name, Qualifier string
}

var errReference = errors.New("not a function name or ARN")

// ParseReference reads a FunctionName parameter that has already passed the
// pattern of the API (F018). An ARN that ends in ":function" means a function
// called "function" (F027).
func ParseReference(s string) (Reference, error) {
	parts := strings.Split(s, ":")
	var ref Reference
	if parts[0] == "arn" {
		if len(parts) < 6 || parts[2] != "lambda" {
			return ref, errReference
		}
		ref.Region, ref.Account, parts = parts[3], parts[4], parts[5:]
	} else if len(parts) >= 3 && isAccount(parts[0]) && parts[1] == "function" {
		ref.Account, parts = parts[0], parts[1:]
	}
	if parts[0] == "function" && len(parts) > 1 {
		parts = parts[1:]
	}
	switch len(parts) {
	case 1:
		ref.Name = parts[0]
	case 2:
		ref.Name, ref.Qualifier = parts[0], parts[1]
	default:
		return Reference{}, errReference
	}
	if ref.Name == "" {
		return Reference{}, errReference
	}
	return ref, nil
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// LayerReference is a parsed layer ARN; Version is 0 when the ARN has none.
type LayerReference struct {
	Region, Account, Name string
	Version               int64
}

// ParseLayerARN reads a layer or layer version ARN.
func ParseLayerARN(s string) (LayerReference, error) {
	parts := strings.Split(s, ":")
	if (len(parts) != 7 && len(parts) != 8) || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "layer" || parts[6] == "" {
		return LayerReference{}, errors.New("not a layer ARN")
	}
	ref := LayerReference{Region: parts[3], Account: parts[4], Name: parts[6]}
	if len(parts) == 8 {
		n, err := strconv.ParseInt(parts[7], 10, 64)
		if err != nil {
			return LayerReference{}, errors.New("not a layer ARN")
		}
		ref.Version = n
	}
	return ref, nil
}
