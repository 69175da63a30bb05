package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
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

	again bool // settings of the file are in force: what can be read of it anew has to be whole
}

// newLogSettings adds those that say where the log is.
func newLogSettings(cmd *cobra.Command) *settings {
	s := &settings{flags: make(map[string]*pflag.Flag)}
	addConfigFlag(cmd, &s.file)
	s.add(cmd, "data_dir", "data-dir", "`directory` of a node's log")
	s.add(cmd, "nats.url", "nats-url", "`URL` of an external NATS")
	s.add(cmd, "redis.url", "redis-url", "`URL` of a Redis")
	s.add(cmd, "cluster.name", "cluster-name", "`name` of the cluster")
	return s
}

// newHandoverSettings adds those that say where a server hands over.
func newHandoverSettings(cmd *cobra.Command) *settings {
	s := &settings{flags: make(map[string]*pflag.Flag)}
	addConfigFlag(cmd, &s.file)
	s.add(cmd, "handover", "handover", "`path` of the socket by which the server hands over")
	return s
}

// add adds a flag for a setting.
func (s *settings) add(cmd *cobra.Command, setting, flag, usage string) {
	cmd.Flags().String(flag, "", usage)
	s.flags[setting] = cmd.Flags().Lookup(flag)
}

// newSettings adds the flags to a command.
func newSettings(cmd *cobra.Command) *settings {
	s := &settings{flags: make(map[string]*pflag.Flag)}
	addConfigFlag(cmd, &s.file)
	aliasAddr(cmd)
	s.add(cmd, "listen", "listen", "`host:port` to listen on; port 0 takes any free one")
	s.add(cmd, "client_tokens", "client-token", "`tokens` that let pages in, separated by commas")
	s.add(cmd, "api_keys", "api-key", "`key` of a backend that may do everything, in place of those of the file")
	s.add(cmd, "engine", "engine", "`engine`: auto, memory, nats or redis")
	s.add(cmd, "data_dir", "data-dir", "`directory` in which pushes are kept over restarts")
	s.add(cmd, "cluster.node", "cluster-node", "`name` of this node, the same over restarts")
	s.add(cmd, "cluster.listen", "cluster-listen", "`host:port` for the other nodes of the cluster")
	s.add(cmd, "cluster.peers", "cluster-peers", "`host:port` of the other nodes, separated by commas")
	s.add(cmd, "cluster.secret", "cluster-secret", "`text` that the nodes of the cluster share")
	s.add(cmd, "nats.url", "nats-url", "`URL` of an external NATS")
	s.add(cmd, "redis.url", "redis-url", "`URL` of a Redis: of the engine redis, or for the registry of connections (redis.registry)")
	s.add(cmd, "handover", "handover", "`path` of a socket by which a new process takes the pages over")
	cmd.Flags().Bool("dashboard", false, "serve the dashboard, at /dashboard/")
	s.flags["dashboard.enabled"] = cmd.Flags().Lookup("dashboard")
	s.add(cmd, "dashboard.listen", "dashboard-listen", "`host:port` of its own for the dashboard")
	s.add(cmd, "log.level", "log-level", "`level`: debug, info, warn or error")
	s.add(cmd, "log.format", "log-format", "`format`: text or json")
	return s
}

func addConfigFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "configuration `file` (default scenecast.yaml, if there is one; or SCENECAST_CONFIG)")
}

// aliasAddr takes --addr, as the flag was called once, for --listen, as the setting is called.
func aliasAddr(cmd *cobra.Command) {
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "addr" {
			name = "listen"
		}
		return pflag.NormalizedName(name)
	})
}

// configFile is the file that is read: the flag's, else the environment's, else the default one, if it is there; or none.
func configFile(flag string) string {
	if file := cmp.Or(flag, os.Getenv("SCENECAST_CONFIG")); file != "" {
		return file
	}
	if _, err := os.Stat(defaultFile); !errors.Is(err, fs.ErrNotExist) {
		return defaultFile
	}
	return ""
}

// load reads the file, the environment and the flags. With an error, too, it returns what could be read.
func (s *settings) load() (l *config.Loaded, file string, err error) {
	file = configFile(s.file)
	flags, names := make(map[string]string), make(map[string]string)
	for setting, flag := range s.flags {
		if flag.Changed {
			names[setting] = "--" + flag.Name
			flags[setting] = flag.Value.String()
			if setting == "api_keys" {
				entry, _ := json.Marshal([]map[string]string{{"name": "command line", "key": flag.Value.String()}})
				flags[setting] = string(entry) // texts always encode
			}
		}
	}
	l, err = config.Read(config.Sources{File: file, Environ: os.Environ(), Flags: flags, FlagNames: names, Again: s.again})
	return l, file, err
}
