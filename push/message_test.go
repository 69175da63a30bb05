package push_test

import (
	"encoding/json"
	"testing"

	"scenecast/push"
)

// declare makes a trigger that goes to everybody, with a parameter of each type: s, i, n, b.
func declare(message string) (push.Trigger, error) {
	return push.Declare(push.Declaration{
		Params: []push.Param{
			{Name: "s", Type: push.String},
			{Name: "i", Type: push.Integer},
			{Name: "n", Type: push.Number},
			{Name: "b", Type: push.Boolean},
		},
		To:      json.RawMessage(`"*"`),
		Message: json.RawMessage(message),
	})
}

func TestMessage(t *testing.T) {
	args := map[string]push.Args{
		"URL": push.URLArgs(map[string][]string{"s": {`a"\$i 订<&>`}, "i": {"7"}, "n": {"1.10"}, "b": {"1"}}),
		"JSON": push.JSONArgs(map[string]json.RawMessage{
			"s": json.RawMessage(`"a\"\\$i \u8ba2<&>"`), "i": json.RawMessage(`7`), "n": json.RawMessage(`1.10`), "b": json.RawMessage(`true`),
		}),
	}
	for _, c := range []struct{ message, want string }{
		// Nothing to insert: the bytes stay as they are.
		{`null`, `null`},
		{` { "b" : 1.0 , "a" : [ "\u00e9\/" , {} ] } `, ` { "b" : 1.0 , "a" : [ "\u00e9\/" , {} ] } `},
		{`{"z":1,"a":2,"m":3}`, `{"z":1,"a":2,"m":3}`},

		// Alone, a parameter keeps its type, and a number its spelling.
		{`"$i"`, `7`},
		{`["$i","$n","$b"]`, `[7,1.10,true]`},
		{`{"i":"$i","n":"$n","b":"$b","s":"$s"}`, `{"i":7,"n":1.10,"b":true,"s":"a\"\\$i 订<&>"}`},

		// In the middle of a text it is text.
		{`"i=$i"`, `"i=7"`},
		{`"$i "`, `"7 "`},
		{`"$i$n$b"`, `"71.10true"`},
		{`"订单$i已发货"`, `"订单7已发货"`},
		{`"[$s]"`, `"[a\"\\$i 订<&>]"`}, // and what is in it is not read again
		{`"$s$s"`, `"a\"\\$i 订<&>a\"\\$i 订<&>"`},
		{`"$i-$i.$i"`, `"7-7.7"`},

		// Dollar signs.
		{`"$$"`, `"$"`},
		{`"$$i"`, `"$i"`},
		{`"$$$i"`, `"$7"`},
		{`"$$$$i"`, `"$$i"`},
		{`"$"`, `"$"`},
		{`"$5 or 5$"`, `"$5 or 5$"`},
		{`"$ i"`, `"$ i"`},
		{`"$é"`, `"$é"`},
		{`"$i$"`, `"7$"`},

		// Keys are no texts.
		{`{"$i":"$i","$$":"$$","$nobody":1}`, `{"$i":7,"$$":"$","$nobody":1}`},
		{"{\"$i\" \t\r\n:\"$i\"}", "{\"$i\" \t\r\n:7}"},
		{`["$i","$i"]`, `[7,7]`},

		// Escapes: a text is what it means, however it is written.
		{`"\u0024i"`, `7`},
		{`"\u0024i $i"`, `"7 7"`},
		{`"\u0024\u0024i"`, `"$i"`},
		{`"\\$i\""`, `"\\7\""`},
		{`"\"$i"`, `"\"7"`},
		{`"\u4e2d\n$i\ud83d\ude00\/"`, `"中\n7😀/"`},
		{`["\\","$i"]`, `["\\",7]`},
		{`["a\\\"$i","$i"]`, `["a\\\"7",7]`},
		{`"\ud83d$i"`, `"�7"`}, // half a character is none, as for encoding/json
	} {
		trigger, err := declare(c.message)
		if err != nil {
			t.Errorf("%s: %v", c.message, err)
			continue
		}
		for source, args := range args {
			for range 2 { // a template is not used up
				r, err := trigger.Request(t.Context(), args)
				if err != nil || string(r.Message) != c.want {
					t.Errorf("%s, with arguments from %s:\n\t%s, %v, want\n\t%s", c.message, source, r.Message, err, c.want)
				}
			}
		}
	}
}
