package config_test

import (
	"strings"
	"testing"
)

func TestTriggerMistakes(t *testing.T) {
	check(t, []mistaken{
		{"triggers: [a]", []string{"FILE:1: triggers: takes a mapping of keys to values, not a list"}},
		{"triggers: {a: b}", []string{"FILE:1: triggers.a: takes a mapping of keys to values, not a single value"}},
		{"triggers:\n  a:\n", []string{"FILE:2: triggers.a.to: missing: which pages"}},
		{"triggers:\n  a: {message: 1}", []string{"FILE:2: triggers.a.to: missing: which pages"}},
		{"triggers:\n  a:\n    to: '*'", []string{"FILE:2: triggers.a.message: missing: what the pages shall get"}},
		{"triggers:\n  a: {to: '*', message: 1}\n  a: {to: '*', message: 2}", []string{"FILE:3: triggers.a: is there twice: in line 2 as well"}},
		{"triggers:\n  a:\n    to: '*'\n    msg: 1", []string{"FILE:4: triggers.a.msg: there is no such setting; there are params, to, message, ttl, event, coalesce and retain"}},
		{"triggers:\n  a: {to: '*', message: 1}\n  b:\n    to: '*'\n    message: 1\n    ttl: soon", []string{
			`FILE:6: triggers.b.ttl: "soon" is no length of time; write it as 90s, 1m30s or 250ms`}},
		{"triggers:\n  a:\n    to: '*'\n    message: 1\n    ttl: 25h", []string{"FILE:5: triggers.a.ttl: 25h is more than push.max_ttl (24h)"}},
		{"triggers:\n  a:\n    to: '*'\n    message: 1\n    retain: k", []string{
			"FILE:5: triggers.a.retain: needs a ttl, which says how long the value is kept"}},
		{"triggers:\n  a:\n    to: '*'\n    message: 1\n    coalesce: 'k $x'", []string{
			"FILE:5: triggers.a.coalesce: $x is not declared under params (none is); a dollar sign is written $$"}},
		{"triggers:\n  a:\n    message: 1\n    to: 'page = \"home\"'", []string{"FILE:4: triggers.a.to.column 6: …"}},
		{"triggers:\n  a:\n    message: 1\n    to:\n      page: [home, ~]", []string{"FILE:5: triggers.a.to.page: …"}},
		{"triggers:\n  a:\n    message: 1\n    to: {}", []string{"FILE:4: triggers.a.to: …"}},
		{"triggers:\n  a:\n    message: 1\n    to: [home]", []string{"FILE:4: triggers.a.to: …"}},
		{"triggers:\n  a:\n    to: order == $order\n    message: 1", []string{
			"FILE:3: triggers.a.to: $order is not declared under params (none is); a dollar sign is written $$"}},
		{"triggers:\n  a:\n    params: {order: string}\n    to: '*'\n    message:\n      text: costs $price", []string{
			"FILE:6: triggers.a.message: $price is not declared under params (declared: order); a dollar sign is written $$"}},
		{"triggers:\n  a:\n    to: '*'\n    message:\n      b: 1\n      b: 2", []string{"FILE:6: triggers.a.message: the key b is there twice"}},
		{"triggers:\n  a:\n    to: '*'\n    message:\n      b: [1, .nan]", []string{
			"FILE:5: triggers.a.message: .nan is no number that JSON has; in quotes it is a text"}},
		{"triggers:\n  a: {to: '*', message: -.inf}", []string{"FILE:2: triggers.a.message: -.inf is no number that JSON has; in quotes it is a text"}},
		{"triggers:\n  a: {to: '*', message: {[1]: 2}}", []string{"FILE:2: triggers.a.message: a key is a text"}},
		{"triggers:\n  a: {to: '*', message: &m [*m]}", []string{"FILE:2: triggers.a.message: nests deeper than 32"}},
		{"triggers:\n  a: {to: '*', message: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", []string{
			"FILE:2: triggers.a.message: nests deeper than 32"}},
		{"triggers:\n  a:\n    params: [order]", []string{"FILE:3: triggers.a.params: takes a mapping of keys to values, not a list"}},
		{"triggers:\n  a:\n    params:\n      a: string\n      order: text\n    to: '*'\n    message: 1", []string{
			`FILE:5: triggers.a.params.order: "text" is no type; the types are [string integer number boolean]`}},
		{"triggers:\n  a:\n    params:\n      order:\n    to: '*'\n    message: 1", []string{
			`FILE:4: triggers.a.params.order: "" is no type; the types are [string integer number boolean]`}},
		{"triggers:\n  a:\n    params:\n      order-id: string\n    to: '*'\n    message: 1", []string{
			`FILE:4: triggers.a.params.order-id: "order-id" is no parameter name: a letter or '_', then letters, digits or '_'`}},
		{"triggers:\n  a:\n    params:\n      n: {type: integer, default: 1.5}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n: the default is not of the type integer"}},
		{"triggers:\n  a:\n    params:\n      n: {type: integer, defualt: 1}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n.defualt: there is no such setting; did you mean default?"}},
		{"triggers:\n  a:\n    params:\n      n: string\n      n: string\n    to: '*'\n    message: 1", []string{
			"FILE:5: triggers.a.params.n: is there twice: in line 4 as well"}},
		{"triggers:\n  a:\n    params:\n      n: {default: .nan}\n    to: '*'\n    message: 1", []string{
			"FILE:4: triggers.a.params.n.default: .nan is no number that JSON has; in quotes it is a text"}},
	})
}
