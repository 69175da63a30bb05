package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envPrefix begins the variables that are settings: websocket.pong_wait is SCENECAST_WEBSOCKET_PONG_WAIT.
const envPrefix = "SCENECAST_"

// clientVariables are SCENECAST_ variables of the commands that talk to a server; they are no settings of one.
var clientVariables = []string{"SCENECAST_URL", "SCENECAST_API_KEY", "SCENECAST_CLIENT_TOKEN", "SCENECAST_CONFIG"}

// Variable is the environment variable of a setting.
func Variable(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (d *decoder) environ(environ []string) {
	byVariable := make(map[string]string)
	for _, key := range Keys() {
		byVariable[Variable(key)] = key
	}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(clientVariables, name) || serviceLink.MatchString(entry) {
			continue
		}
		d.source = name
		key, ok := byVariable[name]
		if !ok {
			d.mistake("", "there is no such setting%s", didYouMean(name, sortedKeys(byVariable)))
			continue
		}
		d.text(key, text)
	}
}

// serviceLink matches the variables that Kubernetes sets in every pod for a service called scenecast, or scenecast-redis:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var serviceLink = regexp.MustCompile(
	`^SCENECAST_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=\d+$|PORT=\w+://|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?=)`)

// byComma is a list that may come as words with commas between, where it comes as text.
type byComma interface{ byComma() }

// text puts one setting that came as text, from a variable or a flag: a single value, a list of words, or YAML.
func (d *decoder) text(key, text string) {
	value := settingOf(&d.Config, key)
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	_, words := value.(byComma)
	_, composed := value.(yaml.Unmarshaler)
	switch {
	case words && !strings.HasPrefix(strings.TrimSpace(text), "["):
		n = splitWords(text)
		if _, isTokens := value.(*ClientTokens); len(n.Content) == 0 && !isTokens {
			// No items would be none, and no variable any: an empty one may be meant as either.
			d.mistake(key, "is empty; write [] for none")
			return
		}
	case composed:
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
			d.mistake(key, "cannot be read as YAML or JSON")
			return
		}
		n = document.Content[0]
		clearLines(n) // they mean nothing to anybody
	}
	for place := range d.places {
		if strings.HasPrefix(place, key+".") || strings.HasPrefix(place, key+"[") {
			delete(d.places, place) // of a value that is not in force any more
		}
	}
	d.remember(key, n)
	d.adopt(key, n, decode(n, value))
}

func splitWords(text string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item})
		}
	}
	return list
}

func clearLines(n *yaml.Node) {
	n.Line = 0
	for _, child := range n.Content {
		clearLines(child)
	}
}
