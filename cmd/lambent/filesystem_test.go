package main

import (
	"path/filepath"
	"testing"

	"lambent/internal/lambda"
)

func TestFileSystems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := parseFileSystems([]string{"arn:aws:elasticfilesystem:x=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	if folder, ok := files.folder("arn:aws:elasticfilesystem:x"); !ok || folder != dir {
		t.Errorf("the access point is at %q, %v", folder, ok)
	}
	with := func(arn string) *lambda.Version { return &lambda.Version{FileSystems: []lambda.FileSystem{{ARN: arn}}} }
	if err := files.mountable(with("arn:aws:elasticfilesystem:x")); err != nil {
		t.Error(err)
	}
	if err := files.mountable(with("arn:other")); lambda.KindOf(err) != lambda.NotMounted || err.Error() != "The function could not mount the EFS file system with access point arn:other." {
		t.Errorf("what nobody mapped: %v", err)
	}
	gone := fileSystems{"arn:gone": filepath.Join(dir, "gone")}
	if err := gone.mountable(with("arn:gone")); lambda.KindOf(err) != lambda.NotMounted {
		t.Errorf("a folder that is gone: %v", err)
	}
	for _, bad := range []string{"arn:x", "x=" + dir, "arn:x=relative", "arn:x=" + filepath.Join(dir, "none")} {
		if _, err := parseFileSystems([]string{bad}); err == nil {
			t.Errorf("%q is a file system", bad)
		}
	}
}
