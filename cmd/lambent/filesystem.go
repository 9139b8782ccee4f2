package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lambent/internal/lambda"
)

// fileSystems are the host's folders that stand for access points of file systems,
// by ARN.
type fileSystems map[string]string

// parseFileSystems reads the flags: ARN=FOLDER each.
func parseFileSystems(flags []string) (fileSystems, error) {
	found := fileSystems{}
	for _, text := range flags {
		arn, folder, ok := strings.Cut(text, "=")
		if !ok || !strings.HasPrefix(arn, "arn:") || !filepath.IsAbs(folder) {
			return nil, fmt.Errorf("--file-system %q: want ARN=FOLDER, with an access point's ARN and an absolute folder", text)
		}
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--file-system %q: %s is not a folder of this host", text, folder)
		}
		found[arn] = folder
	}
	return found, nil
}

func (f fileSystems) folder(arn string) (string, bool) {
	folder, ok := f[arn]
	return folder, ok
}

// mountable answers nil, or what AWS answers when a function's file system cannot
// be mounted: here when nobody mapped it, or when its folder is gone.
func (f fileSystems) mountable(v *lambda.Version) error {
	for _, fs := range v.FileSystems {
		folder, ok := f[fs.ARN]
		if ok {
			info, err := os.Stat(folder)
			ok = err == nil && info.IsDir()
		}
		if !ok {
			return lambda.Errorf(lambda.NotMounted, "The function could not mount the EFS file system with access point %s.", fs.ARN)
		}
	}
	return nil
}
