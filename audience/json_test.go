package audience

import (
	"encoding/json"
	"reflect"
	"testing"

	"scenecast/problem"
)

func TestParseJSON(t *testing.T) {
	for _, test := range []struct {
		data string
		want Node
	}{
		{`"*"`, Node{Op: OpEverybody}},
		{` "page == \"home\" \u0026\u0026 has(user)" `, and(in("page", "home"), has("user"))},
		{`{"page":"home"}`, in("page", "home")},
		{`{"page":["home"]}`, in("page", "home")},
		{`{"page":["home","list"],"plan":"pro"}`, and(in("page", "home", "list"), in("plan", "pro"))},
		{" {\n\"b\" : \"1\" , \"a\" : [ \"2\" , \"3\" ] }\n", and(in("b", "1"), in("a", "2", "3"))},
		{`{"order":7}`, in("order", "7")},
		{`{"order":[-1,0,12345678901234567890,true,false,"7"]}`, in("order", "-1", "0", "12345678901234567890", "true", "false", "7")},
		{`{"p\u0061ge":"\u00e9\ud83d\ude00\/\n"}`, in("page", "é😀/\n")},
		{`{"@user":"","a-b":"x","has":"y"}`, and(in("@user", ""), in("a-b", "x"), in("has", "y"))},
		{`{"page":"*","order":"$order","price":"$$5"}`, and(in("page", "*"), in("order", "$order"), in("price", "$$5"))},
	} {
		e, err := ParseJSON([]byte(test.data))
		if err != nil {
			t.Errorf("ParseJSON(%s): %v", test.data, err)
			continue
		}
		if got := e.Root(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("ParseJSON(%s) = %+v, want %+v", test.data, got, test.want)
		}
	}
}

func TestParseJSONProblems(t *testing.T) {
	for _, test := range []struct{ data, want string }{
		{``, `the audience is not JSON`},
		{`{"page":"home"`, `the audience is not JSON`},
		{`{"page":"home",}`, `column 16: the audience is not JSON`},
		{`{'page':"home"}`, `column 2: the audience is not JSON`},
		{`{"page":"home"} {}`, `column 17: the audience is not JSON`},
		{"{\n\"page\":home}", `line 2, column 8: the audience is not JSON`},
		{"{\"page\":\"\xff\"}", `the JSON is not valid UTF-8`},
		{"{\"page\":\"a\tb\"}", `column 11: the audience is not JSON`},

		{`{}`, `an empty audience is refused; everybody is spelled "*"`},
		{`""`, `column 1: an empty audience is refused; everybody is spelled "*"`},
		{`null`, `an audience is an object of labels or a string, not null`},
		{`[]`, `an audience is an object of labels or a string, not an array`},
		{`["*"]`, `an audience is an object of labels or a string, not an array`},
		{`true`, `an audience is an object of labels or a string, not a boolean`},
		{`42`, `an audience is an object of labels or a string, not the number 42`},
		{`"page == home"`, `column 9: expected a string in quotes after ==, found home`},
		{`"page == \"$order\" && order == $order"`, `column 30: expected a string in quotes after ==, found $order; only a trigger's template`},
		{`"page == '\ud83d'"`, `\ud83d is half a character`},

		{`{"page":[]}`, `page: an empty array is refused`},
		{`{"page":null}`, `page: a label's value is a string, an integer, a boolean, or an array of these, not null`},
		{`{"page":["a",null]}`, `page: a label's value is a string, an integer, a boolean, or an array of these, not null`},
		{`{"page":7.5}`, `page: a label's value is a string, an integer, a boolean, or an array of these, not the number 7.5`},
		{`{"page":1e3}`, `not the number 1e3`},
		{`{"page":1E3}`, `not the number 1E3`},
		{`{"page":{"is":"home"}}`, `page: a label's value is a string, an integer, a boolean, or an array of these, not an object`},
		{`{"page":["a",["b"]]}`, `page: a label's value is a string, an integer, a boolean, or an array of these, not an array`},
		{`{"page":"\udc00"}`, `page: \udc00 is half a character`},
		{`{"a":"1","page":"a","page":"a"}`, `page: the key is there twice`},
		{`{"page":"a","p\u0061ge":"b"}`, `page: the key is there twice`},
		{`{"":"x"}`, `"" is no label key`},
		{`{"a b":"x"}`, `a b: "a b" is no label key`},
		{`{"7":"x"}`, `7: "7" is no label key`},
		{`{"*":"x"}`, `*: "*" is no label key`},
		{`{"in":"x"}`, `in: "in" is no label key`},
		{`{"null":"x"}`, `null: "null" is no label key`},
	} {
		_, err := ParseJSON([]byte(test.data))
		checkProblem(t, test.data, err, problem.Invalid, test.want)
	}
}

func TestUnmarshalJSONInside(t *testing.T) {
	var call struct {
		To     Expr `json:"to"`
		Except Expr `json:"except,omitzero"`
	}
	if err := json.Unmarshal([]byte(`{"to":{"page":"home"}}`), &call); err != nil {
		t.Fatal(err)
	}
	if call.To.String() != `page == "home"` || !call.Except.IsZero() {
		t.Errorf("read %s and %s", call.To, call.Except)
	}
	if got, err := json.Marshal(call); err != nil || string(got) != `{"to":"page == \"home\""}` {
		t.Errorf("printed %s, %v", got, err)
	}

	before := call.To
	for data, want := range map[string]string{
		`{"to":null}`:           "an audience is an object of labels or a string, not null",
		`{"to":{"page":null}}`:  "page: a label's value",
		`{"to":"page == home"}`: "column 9: expected a string",
	} {
		err := json.Unmarshal([]byte(data), &call)
		checkProblem(t, data, err, problem.Invalid, want)
		if !reflect.DeepEqual(call.To, before) {
			t.Errorf("%s: a problem changes the audience to %s", data, call.To)
		}
	}
}
