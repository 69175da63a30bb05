package config_test

import (
	"strings"
	"testing"
)

func TestSecretMistakes(t *testing.T) {
	check(t, []mistaken{
		{"client_tokens: [a, '']", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: [~]", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: [null]", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens: []", []string{"FILE:1: client_tokens: is empty, so no page could connect; left out, `scenecast serve` makes a token for each run"}},
		{"apps:\n  a:\n    client_tokens: []", []string{"FILE:3: apps.a.client_tokens: is empty, so no page could connect; …"}},
		{"cluster: {secret: (hidden)}", []string{"FILE:1: cluster.secret: (hidden) stands for a secret; put one of your own there"}},
		{"client_tokens: [(hidden)]", []string{"FILE:1: client_tokens: (hidden) stands for a token; put one of your own there"}},
		{"api_keys: k", []string{"FILE:1: api_keys: takes a list of {name, key, allow, within, triggers, rate}, not a single value"}},
		{"api_keys: {name: a, key: k}", []string{"FILE:1: api_keys: takes a list of {name, key, allow, within, triggers, rate}, not a mapping"}},
		{"api_keys: [k]", []string{
			"FILE:1: api_keys: an entry is {name, key, allow, within, triggers, rate}, not a single value"}},
		{"api_keys:\n- name: a\n  kye: k", []string{
			"FILE:3: api_keys.kye: there is no such setting; did you mean key?"}},
		{"api_keys:\n- name: a\n  key: k\n  secret: l", []string{
			"FILE:4: api_keys.secret: there is no such setting; there are name, key, allow, within, triggers and rate"}},
		{"api_keys:\n- key: k", []string{"FILE:2: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys: [{name: a, key: null}]", []string{"FILE:1: api_keys: an API key needs a name (for the log) and a key (the secret)"}},
		{"api_keys: [{name: a, key: [k]}]", []string{"FILE:1: api_keys.key: takes one value, not a list"}},
		{"api_keys: [{name: a, key: k, key: l}]", []string{"FILE:1: api_keys.key: is there twice"}},
		{"api_keys:\n- {name: a, key: k, allow: [push, pull]}", []string{`FILE:2: api_keys.allow: "pull" is no scope; the scopes are [push trigger read manage admin]`}},
		{"api_keys: [{name: a, key: k, allow: push}]", []string{"FILE:1: api_keys.allow: takes a list of scopes, not a single value"}},
		{"api_keys:\n- {name: a, key: k, allow: []}\n- {name: b, key: l, allow: }\n- {name: c, key: m, allow: [[push]]}", []string{
			"FILE:2: api_keys.allow: is empty, so the key may do nothing; leave it out for all of [push trigger read manage]",
			"FILE:3: api_keys.allow: is empty, so the key may do nothing; leave it out for all of [push trigger read manage]",
			"FILE:4: api_keys.allow: an entry is a text, not a list"}},
		{"api_keys: [{name: a, key: KEY}]", []string{"FILE:1: api_keys: KEY stands for a key; put one of your own there"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: b, key: k}", []string{"FILE:3: api_keys: the key of b is also the key of a in api_keys, so it does not say which of them is meant"}},
		{"client_tokens: [t]\napi_keys: [{name: a, key: t}]", []string{
			"FILE:2: api_keys: the key of a is also token 1 in client_tokens, and everybody who opens a page can read a token"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: b, key: KEY}", []string{"FILE:3: api_keys: KEY stands for a key; put one of your own there"}},
		{"client_tokens:\n- a\n- b\n- {token: a, labels: {plan: pro}}", []string{
			"FILE:4: client_tokens: token 3 is also token 1 in client_tokens, so it does not say which of them is meant"}},
		{"client_tokens: [TOKEN, '', TOKEN]", []string{
			"FILE:1: client_tokens: holds an empty token",
			"FILE:1: client_tokens: TOKEN stands for a token; put one of your own there",
			"FILE:1: client_tokens: TOKEN stands for a token; put one of your own there"}},

		// Over all apps.
		{"client_tokens: [t]\napps:\n  b:\n    client_tokens: [s, t]\n  a:\n    client_tokens:\n    - t", []string{
			"FILE:4: apps.b.client_tokens: token 2 is also token 1 in client_tokens, so it does not say which of them is meant",
			"FILE:7: apps.a.client_tokens: token 1 is also token 1 in client_tokens, so it does not say which of them is meant"}},
		{"api_keys: [{name: x, key: k}]\napps:\n  a:\n    api_keys: [{name: y, key: k}]", []string{
			"FILE:4: apps.a.api_keys: the key of y is also the key of x in api_keys, so it does not say which of them is meant"}},
		{"apps:\n  a: {client_tokens: [s]}\n  b:\n    api_keys: [{name: y, key: s}]", []string{
			"FILE:4: apps.b.api_keys: the key of y is also token 1 in apps.a.client_tokens, and everybody who opens a page can read a token"}},
		{"api_keys: [{name: x, key: s}]\napps:\n  a: {client_tokens: [{token: s}]}", []string{
			"FILE:3: apps.a.client_tokens: token 1 is also the key of x in api_keys, and everybody who opens a page can read a token"}},
		{"apps:\n  a: {client_tokens: [TOKEN]}\n  b: {api_keys: [{name: x, key: (hidden)}]}", []string{
			"FILE:2: apps.a.client_tokens: TOKEN stands for a token; put one of your own there",
			"FILE:3: apps.b.api_keys: (hidden) stands for a key; put one of your own there"}},
	})
}

func TestTokenMistakes(t *testing.T) {
	const keys = "a key is a letter or '_', then letters, digits, '_' or '-'"
	check(t, []mistaken{
		{"client_tokens: [{}]", []string{"FILE:1: client_tokens: holds an empty token"}},
		{"client_tokens:\n- a\n- {user: b}", []string{"FILE:3: client_tokens: holds an empty token"}},
		{"client_tokens: [{token: [a]}]", []string{"FILE:1: client_tokens.token: takes one value, not a list"}},
		{"client_tokens: [{token: a, token: b}]", []string{"FILE:1: client_tokens.token: is there twice"}},
		{"client_tokens:\n- token: a\n  label: {a: b}", []string{"FILE:3: client_tokens.label: there is no such setting; did you mean labels?"}},
		{"client_tokens:\n- token: a\n  labels: [b]", []string{"FILE:3: client_tokens.labels: takes a mapping of keys to values, not a list"}},
		{"client_tokens:\n- token: a\n  labels:\n    b: {c: d}", []string{"FILE:4: client_tokens.labels.b: takes a text or a list of texts"}},
		{"client_tokens:\n- token: a\n  labels:\n    b: ~", []string{"FILE:4: client_tokens.labels.b: takes a text or a list of texts"}},
		{"client_tokens:\n- token: a\n  labels:\n    b:\n    - c\n    - [d]\n    - ~", []string{
			"FILE:6: client_tokens.labels.b: takes a text or a list of texts",
			"FILE:7: client_tokens.labels.b: takes a text or a list of texts"}},
		{"client_tokens:\n- token: a\n  labels: {b: []}", []string{"FILE:3: client_tokens.labels.b: has no value"}},
		{"client_tokens:\n- token: a\n  labels: {b: c, b: d}", []string{"FILE:3: client_tokens.labels.b: is there twice"}},
		{"client_tokens:\n- token: a\n  labels:\n    1: c", []string{`FILE:4: client_tokens.labels.1: "1" is no label key: ` + keys}},
		{"client_tokens:\n- token: a\n  labels:\n    '@user': c", []string{
			"FILE:4: client_tokens.labels.@user: @user: label keys that begin with @ are the server's own"}},
		{"client_tokens:\n- token: a\n  user: ''", []string{"FILE:3: client_tokens.user: takes the name of a user, or is left out"}},
		{"client_tokens:\n- token: a\n  user: [b]", []string{"FILE:3: client_tokens.user: takes one value, not a list"}},

		// Limits, as they are configured.
		{"labels: {max_count: 2}\nclient_tokens:\n- {token: a, labels: {x: y, z: y}, user: b}\n- {token: b, labels: {x: [1, 2, 3]}}", []string{
			"FILE:4: client_tokens.labels: 3 labels, and a connection may have 2 (labels.max_count)"}},
		{"labels: {max_key_bytes: 5, max_value_bytes: 4}\nclient_tokens:\n- {token: a, labels: {abcdef: x}}\n- {token: b, labels: {x: abcde}}\n- {token: c, user: abcde}\n- {token: d, labels: {x: abcd, abcde: y}}", []string{
			`FILE:3: client_tokens.labels: the label key "abcdef"… has 6 bytes, and may have 5 (labels.max_key_bytes)`,
			"FILE:4: client_tokens.labels.x: the value has 5 bytes, and may have 4 (labels.max_value_bytes)",
			"FILE:5: client_tokens.user: the value has 5 bytes, and may have 4 (labels.max_value_bytes)"}},
		{"labels: {max_value_bytes: 1000B!}\nclient_tokens: [{token: a, user: " + strings.Repeat("x", 257) + "}]", []string{ // what could not be read is not compared
			`FILE:1: labels.max_value_bytes: "1000B!" is no size up to 1GiB; write it as 512, 64KiB or 1MiB`}},

		// What a page may set.
		{"labels: {client: page}", []string{"FILE:1: labels.client: takes a list of label keys, not a single value"}},
		{"labels: {client: {page: x}}", []string{"FILE:1: labels.client: takes a list of label keys, not a mapping"}},
		{"labels:\n  client:\n  - page\n  - [x]\n  - 1\n  - '@id'\n  - ~\n  - ''", []string{
			"FILE:4: labels.client: an entry is a text, not a list",
			`FILE:5: labels.client: "1" is no label key: ` + keys,
			"FILE:6: labels.client: @id: label keys that begin with @ are the server's own",
			`FILE:7: labels.client: "" is no label key: ` + keys,
			`FILE:8: labels.client: "" is no label key: ` + keys}},
		{"labels.client: [page]", []string{"FILE:1: labels.client: there is no such setting"}},
	})
}

func TestAppMistakes(t *testing.T) {
	check(t, []mistaken{
		{"apps: [a]", []string{"FILE:1: apps: takes a mapping of keys to values, not a list"}},
		{"apps:\n  a: b", []string{"FILE:2: apps.a: takes a mapping of keys to values, not a single value"}},
		{"apps:\n  a:\n  a:", []string{"FILE:3: apps.a: is there twice: in line 2 as well"}},
		{"apps:\n  default:\n    client_tokens: [a]", []string{
			"FILE:2: apps.default: the settings of the app named default stand at the top level, not under apps"}},
		{"apps:\n  a b:", []string{`FILE:2: apps.a b: "a b" is no name of an app: 1 to 64 letters, digits, '_' or '-'`}},
		{"apps:\n  '':", []string{`FILE:2: apps: "" is no name of an app: 1 to 64 letters, digits, '_' or '-'`}},
		{"apps:\n  a.b:", []string{`FILE:2: apps.a.b: "a.b" is no name of an app: 1 to 64 letters, digits, '_' or '-'`}},
		{"apps:\n  \"a\\n\":", []string{"FILE:2: apps.a", `: "a\n" is no name of an app: 1 to 64 letters, digits, '_' or '-'`}}, // the name ends a line
		{"apps: {? [a] : {}}", []string{`FILE:1: apps: "" is no name of an app: 1 to 64 letters, digits, '_' or '-'`}},
		{"apps:\n  " + strings.Repeat("a", 65) + ":", []string{"FILE:2: apps.…"}},
		{"apps:\n  a:\n    client_token: [b]", []string{"FILE:3: apps.a.client_token: there is no such setting; did you mean client_tokens?"}},
		{"apps:\n  a:\n    listen: ':1'", []string{"FILE:3: apps.a.listen: there is no such setting"}},
		{"apps:\n  a:\n    apps: {b: {}}", []string{"FILE:3: apps.a.apps: there is no such setting…"}},
		{"apps:\n  a:\n    labels: {max_count: 1}", []string{"FILE:3: apps.a.labels.max_count: there is no such setting"}},
		{"apps:\n  a:\n    labels: [client]", []string{"FILE:3: apps.a.labels: takes a mapping of keys to values, not a list"}},
		{"apps:\n  a:\n    labels:\n      client: ['@id']", []string{
			"FILE:4: apps.a.labels.client: @id: label keys that begin with @ are the server's own"}},
		{"apps:\n  a:\n    page_token_may_trigger: 1", []string{`FILE:3: apps.a.page_token_may_trigger: takes true or false, not "1"`}},
		{"apps:\n  a:\n    client_tokens: [{token: t, usr: b}]", []string{"FILE:3: apps.a.client_tokens.usr: there is no such setting; did you mean user?"}},
		{"apps:\n  a:\n    client_tokens: [{token: t, labels: {x: abc}}]\nlabels: {max_value_bytes: 2}", []string{
			"FILE:3: apps.a.client_tokens.labels.x: the value has 3 bytes, and may have 2 (labels.max_value_bytes)"}},
		{"apps:\n  a:\n    api_keys:\n    - {name: x, key: k, allow: [pull]}", []string{
			`FILE:4: apps.a.api_keys.allow: "pull" is no scope; the scopes are [push trigger read manage admin]`}},
		{"apps:\n  a:\n    triggers:\n      t:\n        to: order == $order\n        message: 1", []string{
			"FILE:5: apps.a.triggers.t.to: $order is not declared under params (none is); a dollar sign is written $$"}},
	})
}
