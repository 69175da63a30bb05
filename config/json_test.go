package config_test

import (
	"testing"

	"scenecast/config"
)

// TestMessage: pages get a message as it stands in the file, in JSON: the order of keys, the spelling of numbers.
func TestMessage(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{`{z: 1, a: 2, m: {y: 1, b: 2}}`, `{"z":1,"a":2,"m":{"y":1,"b":2}}`},
		{`{message: 后端, code: "200"}`, `{"message":"后端","code":"200"}`},
		{`[1.10, 1e3, -0, 12345678901234567890, 0.000]`, `[1.10,1e3,-0,12345678901234567890,0.000]`},
		{`[0x10, 1_000, +7, 0b101, 0o17, .5, 1., 012]`, `[16,1000,7,5,15,0.5,1,10]`},
		{`[true, FALSE, null, ~, ]`, `[true,false,null,null]`},
		{`[yes, no, 2024-01-31, 12:30, "1", '2', a b, "", <]`, `["yes","no","2024-01-31","12:30","1","2","a b","","<"]`},
		{`"a\"\\\n\x00\u8ba2<&>"`, `"a\"\\\n\u0000订<&>"`},
		{"|\n      a\n      b\n", `"a\nb\n"`},
		{"\n      - 1\n      - b: [ {} , [] ]\n", `[1,{"b":[{},[]]}]`},
		{`{1: a, true: b, "": c, $x: d}`, `{"1":"a","true":"b","":"c","$x":"d"}`},
		{`[&x {a: 1}, *x]`, `[{"a":1},{"a":1}]`},
		{`null`, `null`},
	} {
		loaded, err := config.Load(config.Sources{File: write(t, "triggers:\n  t:\n    to: '*'\n    message: "+c.yaml)})
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		if got := string(loaded.Triggers[0].Declaration.Message); got != c.want {
			t.Errorf("%s makes %s, want %s", c.yaml, got, c.want)
		}
	}
}
