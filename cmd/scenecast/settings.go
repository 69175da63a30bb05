package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"scenecast/config"
)

// defaultFile is read where no other file is named, if it exists.
const defaultFile = "scenecast.yaml"

// settings are the flags that set something in the configuration.
type settings struct {
	file  string
	flags map[string]*pflag.Flag // by setting
}

// newSettings adds the flags to a command.
func newSettings(cmd *cobra.Command) *settings {
	s := &settings{flags: make(map[string]*pflag.Flag)}
	cmd.Flags().StringVar(&s.file, "config", "", "configuration `file` (default scenecast.yaml, if there is one; or SCENECAST_CONFIG)")
	add := func(setting, flag, usage string) {
		cmd.Flags().String(flag, "", usage)
		s.flags[setting] = cmd.Flags().Lookup(flag)
	}
	add("listen", "addr", "`host:port` to listen on; port 0 takes any free one")
	add("client_tokens", "client-token", "`tokens` that let pages in, separated by commas")
	add("api_keys", "api-key", "`key` of a backend that may do everything, in place of those of the file")
	add("log.level", "log-level", "`level`: debug, info, warn or error")
	add("log.format", "log-format", "`format`: text or json")
	return s
}

// load reads the file, the environment and the flags.
func (s *settings) load() (config.Config, string, error) {
	file := s.file
	if file == "" {
		file = os.Getenv("SCENECAST_CONFIG")
	}
	if file == "" {
		if _, err := os.Stat(defaultFile); !errors.Is(err, fs.ErrNotExist) {
			file = defaultFile
		}
	}
	flags := make(map[string]string)
	for setting, flag := range s.flags {
		if flag.Changed {
			flags[setting] = flag.Value.String()
			if setting == "api_keys" {
				entry, _ := json.Marshal([]map[string]string{{"name": "command line", "key": flag.Value.String()}})
				flags[setting] = string(entry) // texts always encode
			}
		}
	}
	c, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: flags})
	return c, file, err
}

// newLogger logs as configured. The configuration has been checked.
func newLogger(c config.Log, to io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level))
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
