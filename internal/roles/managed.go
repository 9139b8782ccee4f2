package roles

import (
	"crypto/sha256"
	_ "embed" // managed.json
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lambent/internal/lambda"
)

//go:embed managed.json
var managed []byte

// managedByAWS are the policies of the file. AWS's identifiers of them are not
// known, so each gets one from its name, which is the same everywhere.
func managedByAWS(partition string) ([]lambda.ManagedPolicy, error) {
	var file []struct {
		Name, Path       string
		Created, Updated time.Time
		Version          int
		Document         json.RawMessage
	}
	if err := json.Unmarshal(managed, &file); err != nil {
		return nil, fmt.Errorf("read the policies that AWS manages: %w", err)
	}
	all := make([]lambda.ManagedPolicy, len(file))
	for i, f := range file {
		sum := sha256.Sum256([]byte(f.Name))
		all[i] = lambda.ManagedPolicy{
			Name: f.Name, Path: f.Path, ARN: "arn:" + partition + ":iam::aws:policy" + f.Path + f.Name,
			ID:      "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17],
			Created: f.Created, Updated: f.Updated, Default: f.Version, Last: f.Version,
			Versions: []lambda.PolicyVersion{{Number: f.Version, Document: string(f.Document), Created: f.Updated}},
		}
	}
	return all, nil
}

// managesAWS tells whether AWS owns the policy of that ARN.
func (r *Roles) managesAWS(arn string) bool {
	return strings.HasPrefix(arn, "arn:"+r.config.Home.Partition+":iam::aws:")
}
