package push_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"scenecast/push"
)

// read asks for the argument n as a type.
func read(args push.Args, t push.Type) (any, error) {
	switch t {
	case push.String:
		return args.String("n")
	case push.Integer:
		return args.Integer("n")
	case push.Number:
		return args.Number("n")
	case push.Boolean:
		return args.Boolean("n")
	}
	panic("no such type: " + t)
}

var zeros = map[push.Type]any{push.String: "", push.Integer: int64(0), push.Number: 0.0, push.Boolean: false}

// check reads the argument as every type; a type that is not among the wanted must be refused.
func check(t *testing.T, given string, args push.Args, want map[push.Type]any) {
	t.Helper()
	for _, as := range push.Types {
		got, err := read(args, as)
		wanted, ok := want[as]
		if !ok {
			refused := err != nil && (err.Error() == "n: not of the type that it takes: "+string(as) ||
				as == push.String && strings.HasSuffix(err.Error(), notForText))
			if !refused || got != zeros[as] {
				t.Errorf("%s as %s = %v, %v, want it refused", given, as, got, err)
			}
			continue
		}
		if err != nil || got != wanted {
			t.Errorf("%s as %s = %#v, %v, want %#v", given, as, got, err, wanted)
		}
	}
}

// notForText ends the error for a number that does not do for a text.
const notForText = " is a number, and this takes a text: of numbers only whole ones of at most 9007199254740991 are taken for one, " +
	"without fraction or exponent"

type types = map[push.Type]any

func TestURLArgs(t *testing.T) {
	for _, c := range []struct {
		given string
		want  types
	}{
		{"", types{push.String: ""}},
		{"home", types{push.String: "home"}},
		{"订单 <&>\"\x00", types{push.String: "订单 <&>\"\x00"}},
		{"\xff", types{}},
		{"null", types{push.String: "null"}},
		{`"7"`, types{push.String: `"7"`}},
		{"7", types{push.String: "7", push.Integer: int64(7), push.Number: 7.0}},
		{"-7", types{push.String: "-7", push.Integer: int64(-7), push.Number: -7.0}},
		{"0", types{push.String: "0", push.Integer: int64(0), push.Number: 0.0, push.Boolean: false}},
		{"1", types{push.String: "1", push.Integer: int64(1), push.Number: 1.0, push.Boolean: true}},
		{"2", types{push.String: "2", push.Integer: int64(2), push.Number: 2.0}},
		{"1.10", types{push.String: "1.10", push.Number: 1.1}},
		{"1e3", types{push.String: "1e3", push.Number: 1000.0}},
		{"-1.5E-2", types{push.String: "-1.5E-2", push.Number: -0.015}},
		{"true", types{push.String: "true", push.Boolean: true}},
		{"false", types{push.String: "false", push.Boolean: false}},
		{"True", types{push.String: "True"}},
		{"yes", types{push.String: "yes"}},
		{"on", types{push.String: "on"}},
		// No numbers of JSON.
		{"+7", types{push.String: "+7"}},
		{"07", types{push.String: "07"}},
		{"-", types{push.String: "-"}},
		{"7.", types{push.String: "7."}},
		{".7", types{push.String: ".7"}},
		{"1e", types{push.String: "1e"}},
		{"1_000", types{push.String: "1_000"}},
		{"0x10", types{push.String: "0x10"}},
		{"NaN", types{push.String: "NaN"}},
		{"Inf", types{push.String: "Inf"}},
		{" 7", types{push.String: " 7"}},
		{"7\n", types{push.String: "7\n"}},
		{"7,8", types{push.String: "7,8"}},
		{"٧", types{push.String: "٧"}},
	} {
		check(t, fmt.Sprintf("n=%q in a URL", c.given), push.URLArgs(map[string][]string{"n": {c.given}}), c.want)
	}
}

func TestJSONArgs(t *testing.T) {
	for _, c := range []struct {
		given string
		want  types
	}{
		{`""`, types{push.String: ""}},
		{`"home"`, types{push.String: "home"}},
		{`"\u8ba2单 \"\\\n\u0000\ud83d\ude00"`, types{push.String: "订单 \"\\\n\x00😀"}},
		{"\"\xff\"", types{}},
		{`7`, types{push.String: "7", push.Integer: int64(7), push.Number: 7.0}},
		{`-7`, types{push.String: "-7", push.Integer: int64(-7), push.Number: -7.0}},
		{`9007199254740991`, types{push.String: "9007199254740991", push.Integer: int64(1<<53 - 1), push.Number: 1<<53 - 1.0}},
		{`-9007199254740991`, types{push.String: "-9007199254740991", push.Integer: int64(1 - 1<<53), push.Number: 1.0 - 1<<53}},
		{`9007199254740992`, types{push.Integer: int64(1 << 53), push.Number: 1.0 * (1 << 53)}}, // may have been …993
		{`-9007199254740992`, types{push.Integer: int64(-1 << 53), push.Number: -1.0 * (1 << 53)}},
		{`7.0`, types{push.Number: 7.0}},
		{`7e0`, types{push.Number: 7.0}},
		{`-0`, types{push.Integer: int64(0), push.Number: math.Copysign(0, -1)}},
		{`0`, types{push.String: "0", push.Integer: int64(0), push.Number: 0.0}}, // 0 and 1 are truth values only where all is text
		{`1`, types{push.String: "1", push.Integer: int64(1), push.Number: 1.0}},
		{`1.10`, types{push.Number: 1.1}},
		{`1.0`, types{push.Number: 1.0}},
		{`1e3`, types{push.Number: 1000.0}},
		{`true`, types{push.Boolean: true}},
		{`false`, types{push.Boolean: false}},
		{`"7"`, types{push.String: "7"}},
		{`"true"`, types{push.String: "true"}},
		{`null`, types{}},
		{`{}`, types{}},
		{`["home"]`, types{}},
		// No JSON at all: what a Go program could pass.
		{``, types{}},
		{`"`, types{}},
		{`"a" "b"`, types{}},
		{`home`, types{}},
	} {
		args := push.JSONArgs(map[string]json.RawMessage{"n": json.RawMessage(c.given)})
		check(t, fmt.Sprintf("n: %s in JSON", c.given), args, c.want)
	}
}

func TestArgsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		given string
		as    push.Type
		want  any
		err   string
	}{
		{"9223372036854775807", push.Integer, int64(math.MaxInt64), ""},
		{"-9223372036854775808", push.Integer, int64(math.MinInt64), ""},
		{"9223372036854775808", push.Integer, int64(0), "n: the integer is outside 64 bits"},
		{"-9223372036854775809", push.Integer, int64(0), "n: the integer is outside 64 bits"},
		{"9223372036854775808", push.Number, 9223372036854775808.0, ""},
		{"1e308", push.Number, 1e308, ""},
		{"1e309", push.Number, 0.0, "n: the number is outside a float64"},
		{"-1e309", push.Number, 0.0, "n: the number is outside a float64"},
	} {
		for name, args := range map[string]push.Args{
			"URL":  push.URLArgs(map[string][]string{"n": {c.given}}),
			"JSON": push.JSONArgs(map[string]json.RawMessage{"n": json.RawMessage(c.given)}),
		} {
			got, err := read(args, c.as)
			if got != c.want || errorText(err) != c.err {
				t.Errorf("%s from %s as %s = %v, %v, want %v, %s", c.given, name, c.as, got, err, c.want, c.err)
			}
		}
	}
}

func TestArgsMissing(t *testing.T) {
	for _, c := range []struct {
		name string
		args push.Args
		has  bool
		want string // followed by the type, unless it is about the number
	}{
		{"the zero value", push.Args{}, false, "n: missing: this trigger takes the parameter n (%s)"},
		{"another in a URL", push.URLArgs(map[string][]string{"m": {"1"}}), false, "n: missing: this trigger takes the parameter n (%s)"},
		{"another in JSON", push.JSONArgs(map[string]json.RawMessage{"N": nil}), false, "n: missing: this trigger takes the parameter n (%s)"},
		{"none in a URL", push.URLArgs(map[string][]string{"n": {}}), true, "n: given 0 times; it takes one value"},
		{"two in a URL", push.URLArgs(map[string][]string{"n": {"1", "1"}}), true, "n: given 2 times; it takes one value"},
	} {
		if got := c.args.Has("n"); got != c.has {
			t.Errorf("%s: Has = %v", c.name, got)
		}
		for _, as := range push.Types {
			want := c.want
			if !c.has {
				want = fmt.Sprintf(want, as)
			}
			if got, err := read(c.args, as); got != zeros[as] || errorText(err) != want {
				t.Errorf("%s, as %s = %v, %v, want the error\n\t%s", c.name, as, got, err, want)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
