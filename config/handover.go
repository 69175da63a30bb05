package config

import (
	"path/filepath"
)

// checkHandover finds what keeps another process from taking over.
func (d *decoder) checkHandover(c *Config) {
	const key = "handover"
	switch {
	case c.Handover == "":
	case !filepath.IsAbs(c.Handover) || len(c.Handover) > maxSocketPath:
		d.wrong(key, "%q is no absolute path of at most %d bytes", c.Handover, maxSocketPath)
	case c.DataDir != "":
		d.wrong(key, "two processes cannot share data_dir: leave one of the two settings out")
	case c.TLS.Enabled():
		d.wrong(key, "connections with TLS cannot go to another process: leave one of the two settings out, or have a proxy speak TLS")
	case c.Listen == "unix:"+c.Handover:
		d.wrong(key, "is the socket of listen; it needs one of its own")
	}
}
