package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scenecast"
	"scenecast/auth/jwt"
	"scenecast/language"
)

// JWT says which JSON Web Tokens let pages in.
type JWT struct {
	Keys         JWTKeys   `yaml:"keys"`
	JWKSURL      KeySetURL `yaml:"jwks_url"` // where further keys are; empty: nowhere
	Issuer       string    `yaml:"issuer"`   // that tokens must name; empty: any
	Audience     string    `yaml:"audience"` // that tokens must name; empty: any
	Leeway       Duration  `yaml:"leeway"`   // 0: none
	MaxLifetime  Duration  `yaml:"max_lifetime"`
	ExpiryNotice Duration  `yaml:"expiry_notice"` // 0: none
}

// KeySetURL is where a key set is. It prints without what may be secret in it, in a log as well; string(u) has it.
type KeySetURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *KeySetURL) UnmarshalText(text []byte) error {
	*u = KeySetURL(text)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (u KeySetURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// String implements fmt.Stringer.
func (u KeySetURL) String() string { return withoutSecrets(string(u)) }

// IsSet reports whether there are any keys.
func (j JWT) IsSet() bool { return len(j.Keys) > 0 || j.JWKSURL != "" }

// defaultJWT is what an app has that does not set it, as the reference says it of the default app.
var defaultJWT = JWT{Keys: JWTKeys{}, Leeway: Duration(10 * time.Second), MaxLifetime: Duration(24 * time.Hour), ExpiryNotice: Duration(30 * time.Second)}

// JWTKey is a key that verifies tokens: in the configuration itself, or in a file.
type JWTKey struct {
	Algorithm string `yaml:"alg,omitempty"` // empty: all of the key's type
	ID        string `yaml:"kid,omitempty"` // empty: of tokens with any, or none
	Key       Secret `yaml:"key,omitempty"`
	File      string `yaml:"file,omitempty"`
}

// JWTKeys is a list of keys; nil where it was left out.
type JWTKeys []JWTKey

// UnmarshalYAML reads a list of {alg, kid, key} or {alg, kid, file}.
func (k *JWTKeys) UnmarshalYAML(n *yaml.Node) (err error) {
	*k, err = decodeList(n, language.Textf("{alg, kid, key} or {alg, kid, file}"), func(item *yaml.Node) (key JWTKey, err error) {
		err = key.UnmarshalYAML(item)
		return key, err
	})
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (k JWTKeys) MarshalYAML() (any, error) { return listOrNull(k), nil }

// UnmarshalYAML reads {alg, kid, key} or {alg, kid, file}. A key that stands there is checked; one of a file is when the server reads it.
func (k *JWTKey) UnmarshalYAML(n *yaml.Node) error {
	type plain JWTKey
	var key plain
	if n = dereference(n); n.Kind != yaml.MappingNode {
		return language.Errorf("an entry is {alg, kid, key} or {alg, kid, file}, not a %s", kindName(n))
	}
	if err := decode(n, &key); err != nil {
		return err
	}
	if (key.Key == "") == (key.File == "") {
		return language.Errorf("a key needs either key (the secret, or a public key in PEM) or file (the name of a file with it)")
	}
	if key.Key != "" {
		if _, err := jwt.ParseKey(key.ID, key.Algorithm, string(key.Key)); err != nil {
			return badAt(nodeAt(n, "key"), "key", "%v", err)
		}
	}
	*k = JWTKey(key)
	return nil
}

// Parse is the key as tokens are verified by it. A key of a file is read now; the error says nothing of it.
func (k JWTKey) Parse() (jwt.Key, error) {
	if k.File == "" {
		return jwt.ParseKey(k.ID, k.Algorithm, string(k.Key))
	}
	text, err := ReadFile(k.File)
	if err != nil {
		return jwt.Key{}, err
	}
	key, err := jwt.ParseKey(k.ID, k.Algorithm, strings.TrimRight(string(text), "\r\n")) // a secret does not end with its line's end
	if err != nil {
		return key, language.Errorf("%s %w", k.File, err)
	}
	return key, nil
}

// MarshalYAML implements yaml.Marshaler.
func (k JWTKey) MarshalYAML() (any, error) {
	type plain JWTKey
	return flow(plain(k)), nil
}

// checkJWT refuses URLs that are none, and keys that leave open of which app a token is.
func (d *decoder) checkJWT(c *Config) {
	first := make(map[[3]string]string) // the app's setting, by what verifies, issuer and audience
	for _, app := range c.Apps() {
		j := app.JWT
		if at := app.key("jwt.max_lifetime"); app.Name != scenecast.DefaultApp && j.MaxLifetime == 0 {
			d.wrong(at, "must be more than 0")
		}
		d.checkKeySetURL(app.key("jwt.jwks_url"), string(j.JWKSURL))
		check := func(place, key, verifies string) {
			use := [3]string{verifies, j.Issuer, j.Audience}
			if other, taken := first[use]; taken {
				d.wrongAt(place, key, "is also in %s, with the same issuer and audience, so a token does not say of which app its page is", other)
			}
			first[use] = key
		}
		for i, k := range j.Keys {
			key := app.key("jwt.keys")
			check(entry(key, i), key, "key "+k.ID+" "+string(k.Key)+" "+k.File)
		}
		if j.JWKSURL != "" {
			check(app.key("jwt.jwks_url"), app.key("jwt.jwks_url"), "set "+string(j.JWKSURL))
		}
	}
}

func (d *decoder) checkKeySetURL(key, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		d.wrong(key, "is no URL of the form https://login.example.com/.well-known/jwks.json")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		d.warn(key, key, "is not https, so whoever is on the way can put keys of their own there, and let in whom they want")
	}
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
