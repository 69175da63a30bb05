package config

import (
	"cmp"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/push"
)

// AppSettings are what each app has of its own. At the top level they are those of the app scenecast.DefaultApp.
type AppSettings struct {
	ClientTokens        []ClientToken `yaml:"client_tokens"`
	APIKeys             []APIKey      `yaml:"api_keys"`
	PageTokenMayTrigger bool          `yaml:"page_token_may_trigger"`
	MaxConnections      int           `yaml:"max_connections"` // of its pages; 0: no limit
	Triggers            []Trigger     `yaml:"triggers"`
	ClientLabels        []string      `yaml:"labels.client"` // the keys that a page may set itself; nil: any that is not trusted
}

// App is an isolated namespace in the server: its pages, and what may be done with them.
type App struct {
	Name string
	AppSettings
}

// ClientToken is what pages show to be let in.
type ClientToken struct {
	Token  string
	Labels label.Set // that its pages have and cannot change; of a known user, scenecast.LabelUser too
}

// APIKey is a backend's key.
type APIKey struct {
	Name  string
	Key   string
	Allow []auth.Scope
}

// Trigger is a declared trigger.
type Trigger struct {
	Name        string
	Declaration push.Declaration
}

// Apps are all apps: the default one, whose settings stand at the top level, then the others by name.
func (c Config) Apps() []App {
	byName := func(a, b App) int { return cmp.Compare(a.Name, b.Name) }
	return append([]App{{scenecast.DefaultApp, c.AppSettings}}, slices.SortedFunc(slices.Values(c.OtherApps), byName)...)
}

// key is the key of one of the app's settings, as mistakes tell it.
func (a App) key(setting string) string {
	if a.Name == scenecast.DefaultApp {
		return setting
	}
	return join(join("apps", a.Name), setting)
}

var appName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// apps reads a mapping of names to the settings of each.
func (d *decoder) apps(key string, n *yaml.Node) (apps []App) {
	for name, body := range d.members(key, n) {
		app := App{Name: name.Value}
		switch {
		case app.Name == scenecast.DefaultApp:
			d.mistake(join(key, app.Name), name, "the settings of the app named %s stand at the top level, not under apps", app.Name)
		case !appName.MatchString(app.Name):
			d.mistake(join(key, app.Name), name, "%q is no name of an app: 1 to 64 letters, digits, '_' or '-'", app.Name)
		default:
			d.section(join(key, app.Name), body, settingsOf(&app.AppSettings))
			apps = append(apps, app)
		}
	}
	return apps
}
