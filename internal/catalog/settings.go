package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"lambent/internal/lambda"
)

// defaults is a version before anybody has chosen anything (F039).
func defaults(home lambda.Home, name string) lambda.Version {
	return lambda.Version{
		Account: home.Account, Region: home.Region, Function: name, Number: lambda.Latest,
		MemoryMB: lambda.DefaultMemoryMB, Timeout: lambda.DefaultTimeout, EphemeralMB: lambda.DefaultEphemeralMB,
		Architecture: "x86_64", PackageType: "Zip", TracingMode: "PassThrough", SnapStart: snapStartOff,
		Logging: lambda.Logging{Format: "Text", Group: defaultGroup(name)},
	}
}

const (
	snapStartOff = "None"
	snapStartOn  = "PublishedVersions"
)

func defaultGroup(name string) string { return "/aws/lambda/" + name }

// configure applies to v what the caller chose, except for layers and what
// depends on the host, and refuses what AWS refuses. Bounds of single numbers
// and patterns have been checked at the edge.
func configure(v *lambda.Version, s lambda.Settings) error {
	if s.Runtime != nil {
		if err := checkRuntime(*s.Runtime); err != nil {
			return err
		}
	}
	if s.Environment != nil {
		if err := checkEnvironment(*s.Environment); err != nil {
			return err
		}
		v.Environment, v.HasEnvironment = *s.Environment, true
	}
	if s.Logging != nil {
		logging, err := mergeLogging(v.Logging, *s.Logging, v.Function)
		if err != nil {
			return err
		}
		v.Logging = logging
	}
	set(&v.Description, s.Description)
	set(&v.Runtime, s.Runtime)
	set(&v.Handler, s.Handler)
	set(&v.Role, s.Role)
	set(&v.MemoryMB, s.MemoryMB)
	set(&v.Timeout, s.Timeout)
	set(&v.EphemeralMB, s.EphemeralMB)
	set(&v.Architecture, s.Architecture)
	set(&v.TracingMode, s.TracingMode)
	set(&v.SnapStart, s.SnapStart)
	set(&v.KMSKeyARN, s.KMSKeyARN)
	set(&v.DeadLetterARN, s.DeadLetter)
	set(&v.FileSystems, s.FileSystems)
	if s.VPC != nil {
		if (len(s.VPC.SubnetIDs) == 0) != (len(s.VPC.SecurityGroupIDs) == 0) {
			return lambda.Errorf(lambda.InvalidParameter, "SubnetIds and SecurityIds must coexist or be both empty list.")
		}
		v.VPC = s.VPC
	}
	if err := checkFileSystems(*v); err != nil {
		return err
	}
	return checkSnapStart(*v)
}

// checkFileSystems: file systems are reached through a VPC.
func checkFileSystems(v lambda.Version) error {
	if len(v.FileSystems) == 0 || v.VPC != nil && len(v.VPC.SubnetIDs) > 0 {
		return nil
	}
	return lambda.Errorf(lambda.InvalidParameter, "Function must be configured to execute in a VPC to reference access point %s. "+
		"Please update the function configuration to include VPC subnets and security groups.", v.FileSystems[0].ARN)
}

func set[T any](member *T, chosen *T) {
	if chosen != nil {
		*member = *chosen
	}
}

// checkRuntime refuses unknown identifiers (F051) and retired ones (F052).
func checkRuntime(r lambda.Runtime) error {
	if r.Creatable() {
		return nil
	}
	if r.Retired() {
		return lambda.Errorf(lambda.InvalidParameter, "The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. "+
			"We recommend you use a supported runtime while creating or updating functions.", r)
	}
	var known []string
	for _, k := range lambda.CreatableRuntimes() {
		known = append(known, string(k))
	}
	return lambda.Errorf(lambda.InvalidParameter, "Value %s at 'runtime' failed to satisfy constraint: "+
		"Member must satisfy enum value set: [%s] or be a valid ARN", r, strings.Join(known, ", "))
}

// checkSnapStart refuses runtimes that cannot be snapshotted (developer guide,
// "Lambda SnapStart").
func checkSnapStart(v lambda.Version) error {
	if v.SnapStart != snapStartOn || snapStartable(v.Runtime) {
		return nil
	}
	return lambda.Errorf(lambda.InvalidParameter, "%s is not supported for SnapStart enabled functions.", v.Runtime)
}

func snapStartable(r lambda.Runtime) bool {
	switch name := string(r); {
	case strings.HasPrefix(name, "java"):
		return !strings.HasPrefix(name, "java8")
	case strings.HasPrefix(name, "python3."):
		return !slices.Contains([]string{"python3.8", "python3.9", "python3.10", "python3.11"}, name)
	case strings.HasPrefix(name, "dotnet"):
		return name != "dotnet6"
	}
	return false
}

// reservedVariables cannot be set by a caller (docs/environment.md §5.1).
func reservedVariables() []string {
	return []string{
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
		"LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
	}
}

func checkEnvironment(variables []lambda.Variable) error {
	var reserved []string
	for _, v := range variables {
		if slices.Contains(reservedVariables(), v.Name) {
			reserved = append(reserved, v.Name)
		}
	}
	const sorry = "Lambda was unable to configure your environment variables because the environment variables you have provided "
	if len(reserved) > 0 {
		slices.Sort(reserved)
		return lambda.Errorf(lambda.InvalidParameter, sorry+"contains reserved keys that are currently not supported for modification. "+
			"Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	if measured := measure(variables); len(measured) > lambda.MaxEnvironment {
		return lambda.Errorf(lambda.InvalidParameter, sorry+"exceeded the 4KB limit. String measured: %s", measured) // F059
	}
	return nil
}

// measure is what AWS counts: the compact JSON of the map, in the order of the
// request.
func measure(variables []lambda.Variable) string {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, v := range variables {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(compact(v.Name))
		out.WriteByte(':')
		out.Write(compact(v.Value))
	}
	out.WriteByte('}')
	return out.String()
}

// compact is JSON without the escapes that only HTML needs.
func compact(s string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always encodes
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// mergeLogging keeps what the caller left out (F082). Levels belong to JSON
// alone: they begin as INFO with it (F080) and go with it (F081).
func mergeLogging(have lambda.Logging, chosen lambda.LoggingChoice, name string) (lambda.Logging, error) {
	set(&have.Format, chosen.Format)
	set(&have.Group, chosen.Group)
	have.Group = cmp.Or(have.Group, defaultGroup(name))
	if have.Format != "JSON" {
		if chosen.ApplicationLevel != nil || chosen.SystemLevel != nil {
			return have, lambda.Errorf(lambda.InvalidParameter, `LogLevel is not supported when LogFormat is set to "Text". `+
				`Remove LogLevel from your request or change the LogFormat to "Json" and try again.`)
		}
		have.ApplicationLevel, have.SystemLevel = "", ""
		return have, nil
	}
	set(&have.ApplicationLevel, chosen.ApplicationLevel)
	set(&have.SystemLevel, chosen.SystemLevel)
	have.ApplicationLevel = cmp.Or(have.ApplicationLevel, "INFO")
	have.SystemLevel = cmp.Or(have.SystemLevel, "INFO")
	return have, nil
}
