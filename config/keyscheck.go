package config

import (
	"slices"

	"scenecast/auth"
	"scenecast/label"
)

// maxSecretsOfKey is how many keys may have one name: the one in use, and the one that is to take its place.
const maxSecretsOfKey = 2

// checkKeys finds what is wrong with keys that could be read.
func (d *decoder) checkKeys(c *Config) {
	limits := c.Labels.Limits()
	comparable := !d.unreadable(label.SettingKeyBytes) && !d.unreadable(label.SettingValueBytes) && !d.unreadable(label.SettingCount)
	for _, app := range c.Apps() {
		key := app.key("api_keys")
		byName := make(map[string][]APIKey)
		for i, k := range app.APIKeys {
			if k.Name == "" {
				continue // told when it was read
			}
			place := entry(key, i)
			d.checkRotation(place, key, byName[k.Name], k)
			byName[k.Name] = append(byName[k.Name], k)
			for _, name := range k.Triggers {
				if !slices.ContainsFunc(app.Triggers, func(t Trigger) bool { return t.Name == name }) {
					d.warn(place, join(key, "triggers"), "the key %s may run %s, and there is no trigger of this name under triggers", k.Name, name)
				}
			}
			if why := unmatchable(k.Within.Expr, limits); !k.Within.IsZero() && comparable && !why.IsZero() {
				d.wrongAt(place, join(key, "within"), "no page can ever match: %s", why)
			}
			d.checkClaims(place, key, app, k)
		}
	}
}

// checkRotation compares a key with those before it that have its name: they are one key that has two secrets for a time.
func (d *decoder) checkRotation(place, key string, before []APIKey, k APIKey) {
	switch {
	case len(before) == 0:
	case len(before) >= maxSecretsOfKey:
		d.wrongAt(place, key, "the name %s is there %d times; a key has %d secrets at most, the one in use and the next", k.Name, len(before)+1, maxSecretsOfKey)
	case !before[0].isLike(k):
		d.wrongAt(place, key, "the name %s is there before with other rights; two secrets of one key differ in nothing else, and another key has another name", k.Name)
	}
}

// isLike reports whether two keys have the same rights.
func (k APIKey) isLike(other APIKey) bool {
	sorted := func(s Scopes) []auth.Scope { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(sorted(k.Allow), sorted(other.Allow)) && k.Within.String() == other.Within.String() && k.Rate == other.Rate &&
		(k.Triggers == nil) == (other.Triggers == nil) && slices.Equal(slices.Sorted(slices.Values(k.Triggers)), slices.Sorted(slices.Values(other.Triggers)))
}

// checkClaims warns of a confinement that any page can enter and leave, because it sets that label itself.
func (d *decoder) checkClaims(place, key string, app App, k APIKey) {
	if d.unreadable("labels.client") || k.Within.IsZero() {
		return
	}
	for _, asked := range k.Within.Labels() {
		if !label.Reserved(asked) && (app.Labels.Client == nil || slices.Contains(app.Labels.Client, asked)) {
			d.warn(place, join(key, "within"), "the key %s is confined by the label %s, which pages whose token does not bring it set themselves; "+
				"list under labels.client the keys that they may set", k.Name, asked)
			return
		}
	}
}
