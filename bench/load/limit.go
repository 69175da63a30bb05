package load

import (
	"scenecast/language"
)

// spareFiles are the open files beside the pages: HTTP calls, the readers, the program itself, and a server that is a child
// process has as many.
const spareFiles = 256

// checkFileLimit returns an error where the limit has no room for that many pages.
func checkFileLimit(pages int, limit uint64) error {
	if uint64(pages+spareFiles) <= limit {
		return nil
	}
	if limit > spareFiles {
		return language.Errorf("%d pages need %d open files, and this process may open %d: raise the limit (ulimit -Hn), or take --pages %d",
			pages, pages+spareFiles, limit, limit-spareFiles)
	}
	return language.Errorf("%d pages need %d open files, and this process may open %d: raise the limit (ulimit -Hn)", pages, pages+spareFiles, limit)
}
