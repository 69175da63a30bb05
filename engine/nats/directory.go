package nats

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"scenecast/language"
)

// checkDirectory compares what is in the directory of the log with how this node is set. NATS drops the log of a cluster where it is
// started alone. The log of a node that was alone it gives to none of the others, so they would not agree on what is in the log.
func checkDirectory(dir string, isClustered bool) error {
	jetstream := filepath.Join(dir, "nats", "jetstream")
	logs, err := filepath.Glob(filepath.Join(jetstream, "*", "streams", streamPrefix+"*"))
	if err != nil || len(logs) == 0 {
		return nil //nolint:nilerr // of the pattern: it has none that is of the user
	}
	_, err = os.Stat(filepath.Join(jetstream, "$SYS", "_js_", "_meta_")) // which logs the nodes of a cluster have
	wasClustered := !errors.Is(err, fs.ErrNotExist)
	switch {
	case wasClustered == isClustered:
		return nil
	case wasClustered:
		return language.Errorf("data_dir: %s has a node's copy of a cluster's log, which a node alone cannot go on with; give it another directory, or set "+
			"cluster.listen and cluster.peers (docs/cluster.md); `scenecast log export` prints the log", dir)
	default:
		return language.Errorf("data_dir: %s has the log of a node that was alone, which a cluster cannot go on with; give each node an empty directory "+
			"(docs/cluster.md); `scenecast log export` prints the log", dir)
	}
}
