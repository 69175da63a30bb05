package config

import (
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Origins are the sites whose pages may connect, as browsers write them, or anyOrigin.
type Origins []string

// anyOrigin stands for all of them.
const anyOrigin = "*"

// origins reads a list of origins. One that no browser would write lets nobody in, so it is a mistake.
func (d *decoder) origins(key string, n *yaml.Node) Origins {
	origins := Origins{}
	for item, text := range d.texts(key, n) {
		if text != anyOrigin && !isOrigin(text) {
			d.mistake(key, item, "%q is no origin; write it as https://www.example.com, in lower case and without a path, or as *", text)
			continue
		}
		origins = append(origins, text)
	}
	return origins
}

// defaultPorts are left out of origins (HTML Standard, 7.1.1).
var defaultPorts = map[string]string{"http": "80", "https": "443"}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && text == u.Scheme+"://"+u.Host && text == strings.ToLower(text) &&
		(u.Port() == "" || u.Port() != defaultPorts[u.Scheme])
}
