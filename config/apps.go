package config

import (
	"cmp"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"scenecast"
)

// AppSettings are what each app has of its own, besides AppLabels. At the top level they are those of the app
// scenecast.DefaultApp.
type AppSettings struct {
	ClientTokens        ClientTokens `yaml:"client_tokens"`
	JWT                 JWT          `yaml:"jwt"`
	APIKeys             APIKeys      `yaml:"api_keys"`
	PageTokenMayTrigger bool         `yaml:"page_token_may_trigger"`
	MaxConnections      int          `yaml:"max_connections"` // of its pages; 0: no limit
	Triggers            Triggers     `yaml:"triggers"`
	Presence            PresenceKeys `yaml:"presence"`
	Hooks               Hooks        `yaml:"hooks"`
	Pusher              Pusher       `yaml:"pusher"`
}

// AppLabels are what an app says of labels.
type AppLabels struct {
	Client LabelKeys `yaml:"client"` // the keys that a page may set itself; nil: any that is not trusted
}

// App is an isolated namespace in the server: its pages, and what may be done with them.
type App struct {
	Name        string `yaml:"-"`
	AppSettings `yaml:",inline"`
	Labels      AppLabels `yaml:"labels"`

	// AllowedOrigins are the sites whose pages may connect; nil: those of HTTP.AllowedOrigins. Those of the default app are these too.
	AllowedOrigins Origins `yaml:"allowed_origins"`
}

// OtherApps are apps by name, in the order of the file.
type OtherApps []App

// Apps are all apps: the default one, whose settings stand at the top level, then the others by name.
func (c Config) Apps() []App {
	byName := func(a, b App) int { return cmp.Compare(a.Name, b.Name) }
	first := App{scenecast.DefaultApp, c.AppSettings, c.Labels.AppLabels, c.HTTP.AllowedOrigins}
	return append([]App{first}, slices.SortedFunc(slices.Values(c.OtherApps), byName)...)
}

// App is the app of this name; of no name that there is, one without settings.
func (c Config) App(name string) App {
	for _, app := range c.Apps() {
		if app.Name == name {
			return app
		}
	}
	return App{}
}

// key is the key of one of the app's settings, as mistakes tell it.
func (a App) key(setting string) string {
	if a.Name == scenecast.DefaultApp {
		return setting
	}
	return join(join("apps", a.Name), setting)
}

var appName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// UnmarshalYAML reads a mapping of names to the settings of each.
func (o *OtherApps) UnmarshalYAML(n *yaml.Node) error {
	var bad badNodes
	var apps OtherApps
	for name, body := range bad.members(n) {
		app := App{Name: name.Value, AppSettings: AppSettings{JWT: defaultJWT}}
		switch {
		case app.Name == scenecast.DefaultApp:
			bad.add(app.Name, name, "the settings of the app named %s stand at the top level, not under apps", app.Name)
		case !appName.MatchString(app.Name):
			bad.add(app.Name, name, "%q is no name of an app: 1 to 64 letters, digits, '_' or '-'", app.Name)
		default:
			bad.adopt(app.Name, body, decode(body, &app))
			apps = append(apps, app)
		}
	}
	*o = apps
	return bad.err()
}

// MarshalYAML implements yaml.Marshaler.
func (o OtherApps) MarshalYAML() (any, error) {
	m := new(mapping)
	for _, app := range o {
		m.add(app.Name, app)
	}
	return m, nil
}
