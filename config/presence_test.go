package config_test

import "testing"

// TestPresenceMistakes: each with its line and key.
func TestPresenceMistakes(t *testing.T) {
	of := func(settings string) string { return "presence: [{" + settings + "}]" }
	check(t, []mistaken{
		{"presence: order", []string{"FILE:1: presence: takes a list of {key, show, linger, max_members}, not a …"}},
		{"presence: [order]", []string{"FILE:1: presence: is {key, show, linger, max_members}, not a …"}},
		{of("linger: 3s"), []string{"FILE:1: presence: a declaration needs a key"}},
		{of("key: '@user'"), []string{"FILE:1: presence.key: @user: label keys that begin with @ are the server's own"}},
		{of("key: '1st'"), []string{`FILE:1: presence.key: "1st" is no label key: …`}},
		{of("key: in"), []string{`FILE:1: presence.key: "in" is a word of audiences, …`}},
		{of("key: order, show: name"), []string{"FILE:1: presence.show: takes a list of label keys, not a …"}},
		{of("key: order, show: ['@id']"), []string{"FILE:1: presence.show: @id: label keys that begin with @ are the server's own"}},
		{of("key: order, linger: soon"), []string{`FILE:1: presence.linger: "soon" is no length of time; …`}},
		{of("key: order, max_members: 0"), []string{"FILE:1: presence.max_members: must be from 1 to 10000"}},
		{of("key: order, max_members: 10001"), []string{"FILE:1: presence.max_members: must be from 1 to 10000"}},
		{of("key: order, colour: red"), []string{"FILE:1: presence.colour: there is no such setting…"}},
		{of("key: order}, {key: order"), []string{`FILE:1: presence.key: "order" is there twice`}},
		{"apps:\n  shop:\n    presence:\n      - {key: order, max_members: 0}", []string{"FILE:4: apps.shop.presence.max_members: must be from 1 to 10000"}},
	})
}
