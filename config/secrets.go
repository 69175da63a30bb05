package config

import (
	"slices"
	"unicode/utf8"

	"scenecast/auth"
	"scenecast/language"
)

// placeholders stand in printed files where a secret should be, so everybody knows them.
var placeholders = []string{"TOKEN", "KEY", hidden}

// secret is a page's token, a backend's key, or one that signs pages' tokens.
type secret struct {
	text   string // may be that of a digest
	what   secretKind
	digest auth.Digest   // of the secret
	key    string        // the setting
	owner  language.Text // which of the setting's secrets it is
	place  string        // its entry
}

// secretKind says what a secret is for.
type secretKind int

// The secret of a jwt key and that of a Pusher key may be there several times: they do not say whose they are.
const (
	pageToken secretKind = iota
	apiKey
	signingKey
	pusherSecret
)

var secretNames = [...]language.Text{
	pageToken:    language.Textf("token"),
	apiKey:       language.Textf("key"),
	signingKey:   language.Textf("signing key"),
	pusherSecret: language.Textf("secret of a Pusher key"),
}

func secretsOf(c *Config) (secrets []secret) {
	for _, app := range c.Apps() {
		key := app.key("client_tokens")
		for i, t := range app.ClientTokens {
			secrets = append(secrets, secret{string(t.Token), pageToken, auth.DigestOf(string(t.Token)), key, language.Textf("token %d", i+1), entry(key, i)})
		}
		key = app.key("jwt.keys")
		for i, k := range app.JWT.Keys {
			if k.Key != "" {
				secrets = append(secrets, secret{string(k.Key), signingKey, auth.DigestOf(string(k.Key)), key, language.Textf("key %d", i+1), entry(key, i)})
			}
		}
		for place, k := range app.pusherKeys() {
			secrets = append(secrets, secret{string(k.Secret), pusherSecret, auth.DigestOf(string(k.Secret)), app.key("pusher"), language.Textf("the secret of %s", k.Key), place})
		}
		key = app.key("api_keys")
		for i, k := range app.APIKeys {
			secrets = append(secrets, secret{string(k.Key), apiKey, k.Digest(), key, language.Textf("the key of %s", k.Name), entry(key, i)})
		}
	}
	return secrets
}

// shortSecret is the length, in characters, below which a secret can be guessed.
const shortSecret = 16

// checkSecrets refuses a secret that is known to everybody, and one that is there twice, in whatever app: it would not say
// whose it is, and a token, which everybody who opens a page can read, would do what a key may.
func (d *decoder) checkSecrets(c *Config) {
	for _, s := range settingsOf(c) {
		if value, ok := s.field.Interface().(Secret); ok && slices.Contains(placeholders, string(value)) {
			d.wrong(s.key, "%s stands for a secret; put one of your own there", string(value))
		}
	}
	d.checkLength("cluster.secret", "cluster.secret", language.Textf("it"), string(c.Cluster.Secret))
	first := make(map[auth.Digest]secret)
	for _, s := range secretsOf(c) {
		if slices.ContainsFunc(placeholders, func(known string) bool { return auth.DigestOf(known) == s.digest }) {
			d.wrongAt(s.place, s.key, "%s stands for a %s; put one of your own there", s.text, secretNames[s.what]) // which is no secret
			continue
		}
		d.checkLength(s.place, s.key, s.owner, s.text)
		other, taken := first[s.digest]
		switch {
		case s.text == "": // told when it was read
		case !taken:
			first[s.digest] = s
		case s.what == other.what && (s.what == signingKey || s.what == pusherSecret): // checkJWT and checkPusher compare what says whose it is
		case s.what == other.what:
			d.wrongAt(s.place, s.key, "%s is also %s in %s, so it does not say which of them is meant", s.owner, other.owner, other.key)
		default:
			d.wrongAt(s.place, s.key, "%s is also %s in %s, and everybody who opens a page can read a token", s.owner, other.owner, other.key)
		}
	}
}

// checkLength warns of a secret that can be guessed.
func (d *decoder) checkLength(place, key string, owner language.Text, text string) {
	if n := utf8.RuneCountInString(text); 0 < n && n < shortSecret {
		d.warn(place, key, "%s has %d characters, and below %d it can be guessed; `scenecast config init` makes long ones", owner, n, shortSecret)
	}
}
