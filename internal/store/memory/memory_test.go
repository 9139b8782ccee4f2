package memory_test

import (
	"testing"

	"lambent/internal/store/memory"
	"lambent/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Open {
		data := &memory.Data{}
		return func(*testing.T) storetest.Store { return memory.Open(data) }
	})
}
