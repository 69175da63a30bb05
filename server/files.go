package server

import "log/slog"

// Each page takes a file descriptor. Go raises a process's limit at start as far as it may, which is not far enough
// everywhere.
const (
	fewFiles = 10_000
	ownFiles = 64 // descriptors, about, that are no page's: loops, HTTP calls, files
)

// tellOfFiles logs how many pages the limit on descriptors allows. max is what the configuration allows; 0: any number.
func tellOfFiles(log *slog.Logger, files uint64, max int) {
	pages := files - min(files/2, ownFiles)
	log.Info("file limit", "descriptors", files, "pages", pages)
	if files < fewFiles {
		log.Warn("the file limit is low; raise it as root before the start: ulimit -n 100000 (systemd: LimitNOFILE=100000, docker: --ulimit nofile=100000)",
			"descriptors", files)
	}
	if max > 0 && uint64(max) > pages {
		log.Warn("limits.connections is more than the file limit allows", "connections", max, "pages", pages)
	}
}
