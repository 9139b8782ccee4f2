package catalog

import (
	"context"
	"reflect"
	"strconv"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// PublishVersion freezes Latest under the next number, or answers the version
// that was published last when nothing has changed since (F091). An empty
// description takes Latest's.
func (c *Catalog) PublishVersion(ctx context.Context, name, description, codeSHA256, revisionID string) (published lambda.Version, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		latest, err := c.begin(old, name, revisionID)
		if err != nil {
			return nil, err
		}
		if latest.State != lambda.Active || latest.Update == lambda.UpdateFailed {
			return nil, inState(lambda.Failed) // nothing that could run would be frozen
		}
		if codeSHA256 != "" && codeSHA256 != latest.Code.SHA256 {
			return nil, lambda.Errorf(lambda.InvalidParameter, "CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). "+
				"Please try again with the CodeSHA256 in $LATEST.", codeSHA256, latest.Code.SHA256) // F092
		}
		if same := lastPublished(old, latest); same != nil {
			published = *same
			return nil, nil
		}
		if err := c.afford(latest.Code.Size); err != nil {
			return nil, err
		}
		latest.RevisionID = c.config.NewID() // F095
		change := &store.FunctionChange{Function: old.stored, Versions: []lambda.Version{latest}}
		if description == "" {
			description = latest.Description
		}
		published = c.publish(change, latest, description)
		return change, nil
	})
	return published, err
}

// publish adds the next version, made of latest, to the change. Its state is
// Latest's: what is being unpacked for one is for the other (F075, F090).
func (c *Catalog) publish(change *store.FunctionChange, latest lambda.Version, description string) lambda.Version {
	v := latest
	v.Number = strconv.FormatInt(change.Function.NextID, 10)
	v.Description = description
	v.RevisionID, v.Generation = c.config.NewID(), c.config.NewID()
	if latest.Update == lambda.UpdateInProgress {
		v.State, v.StateReason, v.StateReasonCode = lambda.Pending, creatingReason, creatingCode
		v.Update, v.UpdateReason, v.UpdateReasonCode = "", "", ""
	}
	change.Function.NextID++
	change.Function.Published, change.Function.PublishedFrom = v.Number, latest.Generation
	change.Versions = append(change.Versions, v)
	return v
}

// publishOrSame publishes what an update made, unless the version published
// last is the same.
func (c *Catalog) publishOrSame(old *function, change *store.FunctionChange, next lambda.Version) lambda.Version {
	if same := lastPublished(old, next); same != nil {
		return *same
	}
	return c.publish(change, next, next.Description)
}

// lastPublished is the version published last, if it is what publishing latest
// would make, else nil.
func lastPublished(f *function, latest lambda.Version) *lambda.Version {
	last := f.published[f.stored.Published]
	if last == nil {
		return nil
	}
	// Latest untouched since: the version may have got a description of its own.
	if latest.Generation == f.stored.PublishedFrom || reflect.DeepEqual(essence(*last), essence(latest)) {
		return last
	}
	return nil
}

// essence is what makes two versions different ones: code and settings.
func essence(v lambda.Version) lambda.Version {
	v.Number, v.RevisionID, v.Generation, v.LastModified = "", "", "", time.Time{}
	v.State, v.StateReason, v.StateReasonCode = "", "", ""
	v.Update, v.UpdateReason, v.UpdateReasonCode = "", "", ""
	return v
}
