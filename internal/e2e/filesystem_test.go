package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const accessPoint = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-01234567890123456"

// TestFileSystem: a folder that the operator mapped to an access point is under
// /mnt, written through; one that nobody mapped is AWS's exception.
func TestFileSystem(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "lambent-files-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	s := own(t, dataDir(t), "--driver", "namespace", "--file-system", accessPoint+"="+folder)
	name := s.deploy(t, function{code: "def handler(event, context):\n    open('/mnt/data/note', 'a').write(event)\n    return open('/mnt/data/note').read()"})
	mount := func(arn string, vpc *types.VpcConfig) error {
		_, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &name, VpcConfig: vpc, FileSystemConfigs: []types.FileSystemConfig{{Arn: &arn, LocalMountPath: aws.String("/mnt/data")}},
		})
		if err == nil {
			s.waitUpdated(t, name)
		}
		return err
	}
	var invalid *types.InvalidParameterValueException
	if err := mount(accessPoint, nil); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "Function must be configured to execute in a VPC to reference access point "+accessPoint) {
		t.Errorf("without a VPC: %v", err)
	}
	if err := mount(accessPoint, &types.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}}); err != nil {
		t.Fatal(err)
	}
	if r := s.call(t, name, `"a"`); r.payload != `"a"` {
		t.Errorf("%+v", r)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "note")); err != nil || string(text) != "a" {
		t.Errorf("the host finds %q, %v", text, err)
	}
	if err := mount(accessPoint[:len(accessPoint)-1]+"0", nil); err != nil {
		t.Fatal(err)
	}
	var unmounted *types.EFSMountFailureException
	if _, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name}); !errors.As(err, &unmounted) {
		t.Errorf("an access point that nobody mapped: %v", err)
	}
}
