package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Sources are where a configuration comes from, besides the defaults.
type Sources struct {
	File    string            // path of the YAML file; empty: none
	Environ []string          // as from os.Environ; SCENECAST_… variables count
	Flags   map[string]string // by setting, as in listen
}

// Mistake is one thing wrong with a configuration. A load that fails joins all of them (errors.Join).
type Mistake struct {
	Source string // the file, with line, or the variable or the flag
	Key    string // the setting
	Detail string
}

// Error prints `scenecast.yaml:12: websocket.pong_wait: …`.
func (m *Mistake) Error() string {
	if m.Key == "" {
		return m.Source + ": " + m.Detail
	}
	return m.Source + ": " + m.Key + ": " + m.Detail
}

// envPrefix begins the variables that are settings: websocket.pong_wait is SCENECAST_WEBSOCKET_PONG_WAIT.
const envPrefix = "SCENECAST_"

// clientVariables are SCENECAST_ variables of the commands that talk to a server; they are no settings of one.
var clientVariables = []string{"SCENECAST_URL", "SCENECAST_API_KEY", "SCENECAST_CLIENT_TOKEN", "SCENECAST_CONFIG"}

// Load reads the sources, in their order, over the defaults, and checks the result. The error is all mistakes joined.
func Load(s Sources) (Config, error) {
	c := Default()
	d := &decoder{places: make(map[string]string)}
	if s.File != "" {
		d.file(s.File, &c)
	}
	d.environ(s.Environ, &c)
	for _, key := range sortedKeys(s.Flags) {
		d.text("command line", key, s.Flags[key], &c)
	}
	d.check(&c)
	return c, errors.Join(d.mistakes...)
}

func (d *decoder) file(path string, c *Config) {
	content, err := os.ReadFile(path)
	if err != nil {
		d.mistakes = append(d.mistakes, err)
		return
	}
	d.source = path
	documents := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	if err = documents.Decode(&document); err == nil {
		d.section("", document.Content[0], settingsOf(c))
		if err = documents.Decode(&second); err == nil {
			d.mistake("", &second, "a second document begins; a configuration is one")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) { // an empty file sets nothing
		// The library's errors say the line, most of them: "yaml: line 3: …".
		detail := ": " + strings.TrimPrefix(err.Error(), "yaml: ")
		d.mistakes = append(d.mistakes, errors.New(path+strings.Replace(detail, ": line ", ":", 1)))
	}
}

func (d *decoder) environ(environ []string, c *Config) {
	byVariable := make(map[string]string)
	for _, key := range Keys() {
		byVariable[Variable(key)] = key
	}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(clientVariables, name) || serviceLink.MatchString(entry) {
			continue
		}
		key, ok := byVariable[name]
		if !ok {
			d.mistakes = append(d.mistakes, &Mistake{Source: name, Detail: "there is no such setting" + didYouMean(name, sortedKeys(byVariable))})
			continue
		}
		d.text(name, key, text, c)
	}
}

// serviceLink matches the variables that Kubernetes sets in every pod for a service called scenecast, or scenecast-redis:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var serviceLink = regexp.MustCompile(
	`^SCENECAST_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=\d+$|PORT=\w+://|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?=)`)

// Variable is the environment variable of a setting.
func Variable(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
