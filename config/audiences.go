package config

import (
	"strings"

	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
)

// checkTriggers checks the pushes of triggers against the limits: one over them would be refused at every call, or reach
// nobody at any.
func (d *decoder) checkTriggers(c *Config) {
	limits := c.Labels.Limits()
	comparable := !d.unreadable(label.SettingKeyBytes) && !d.unreadable(label.SettingValueBytes) && !d.unreadable(label.SettingCount)
	for _, app := range c.Apps() {
		for _, t := range app.Triggers {
			key := join(app.key("triggers"), t.Name)
			if ttl := Duration(t.Declaration.TTL); ttl > c.Push.MaxTTL {
				d.wrong(join(key, "ttl"), "%v is more than push.max_ttl (%v)", ttl, c.Push.MaxTTL)
			}
			if !comparable {
				continue
			}
			if why := unmatchableTrigger(t, limits); !why.IsZero() {
				d.wrong(join(key, "to"), "no page can ever match: %s", why)
			}
		}
	}
}

// unmatchableTrigger is unmatchable of the trigger's audience. A parameter may be anything.
func unmatchableTrigger(t Trigger, limits label.Limits) (why language.Text) {
	template, err := audience.ParseTemplateJSON(t.Declaration.To)
	if err != nil {
		return why // told when it was read
	}
	values := make(map[string]string)
	for _, name := range template.Params() {
		values[name] = "" // which is within any limit
	}
	to, err := template.Bind(values)
	if err != nil {
		return why
	}
	return unmatchable(to, limits)
}

// unmatchable says why the labels of no connection can be what the audience asks for; empty where some can.
func unmatchable(to audience.Expr, limits label.Limits) (why language.Text) {
	root := to.Root()
	if why := tooLong(&root, limits); !why.IsZero() {
		return why
	}
	if n := labelsNeeded(&root); n > limits.Count {
		return language.Textf("it needs %d labels, and a connection may have %d (%s)", n, limits.Count, label.SettingCount)
	}
	return why
}

// tooLong says which key or value of a node is longer than any connection's; empty where the node can match for all that.
// Of keys that are the server's own nothing is known.
func tooLong(n *audience.Node, limits label.Limits) (why language.Text) {
	switch n.Op {
	case audience.OpAnd:
		for i := range n.Children {
			if why := tooLong(&n.Children[i], limits); !why.IsZero() {
				return why
			}
		}
	case audience.OpOr:
		first := tooLong(&n.Children[0], limits)
		for i := range n.Children {
			if tooLong(&n.Children[i], limits).IsZero() {
				return why
			}
		}
		return first
	case audience.OpIn, audience.OpHas, audience.OpHasPrefix:
		if label.Reserved(n.Key) {
			return why
		}
		if len(n.Key) > limits.KeyBytes {
			return language.Textf("the key %.20s… has %d bytes, and may have %d (%s)", n.Key, len(n.Key), limits.KeyBytes, label.SettingKeyBytes)
		}
		for _, value := range n.Values {
			if len(value) <= limits.ValueBytes {
				return why
			}
		}
		if len(n.Values) > 0 {
			return language.Textf("the value %.20q… of %s has %d bytes, and may have %d (%s)",
				strings.ToValidUTF8(n.Values[0], "?"), n.Key, len(n.Values[0]), limits.ValueBytes, label.SettingValueBytes)
		}
	}
	return why
}

// labelsNeeded is how many labels a connection has at least that matches the node: one for each key that is asked for, or
// for each single value of a key.
func labelsNeeded(n *audience.Node) int {
	switch n.Op {
	case audience.OpIn, audience.OpHas, audience.OpHasPrefix:
		if !label.Reserved(n.Key) {
			return 1
		}
	case audience.OpOr:
		least := labelsNeeded(&n.Children[0])
		for i := range n.Children {
			least = min(least, labelsNeeded(&n.Children[i]))
		}
		return least
	case audience.OpAnd:
		most := 0
		values := make(map[string]map[string]bool) // by key, those that the connection must have
		for i := range n.Children {
			child := &n.Children[i]
			most = max(most, labelsNeeded(child))
			if len(child.Key) == 0 || label.Reserved(child.Key) {
				continue
			}
			if values[child.Key] == nil {
				values[child.Key] = make(map[string]bool)
			}
			if child.Op == audience.OpIn && len(child.Values) == 1 {
				values[child.Key][child.Values[0]] = true
			}
		}
		needed := 0
		for _, of := range values {
			needed += max(1, len(of))
		}
		return max(most, needed)
	}
	return 0
}
