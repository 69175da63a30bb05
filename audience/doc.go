// Package audience holds expressions that say who a push is for: boolean expressions over the labels of connections
// (package label). One expression has two spellings, text and JSON:
//
//	page in ["home", "list"] && plan == "pro" && !has(muted)
//	{"page": ["home", "list"], "plan": "pro"}
//
// Parse and ParseJSON read an Expr, Match asks it about one connection, and Root shows its tree to whoever plans by it,
// as an index does. ParseTemplate and ParseTemplateJSON read a Template, an audience with parameters that are bound
// later: a parameter is always one value, put in after parsing, so that no value can change the expression.
//
// # What it means
//
//	page == "home"          one of the values that the label key page has is home
//	page in ["a", "b"]      one of its values is a or b
//	page.startsWith("x")    one of its values begins with x
//	has(page)               it has a value at all
//	page != "home"          exactly !(page == "home")
//	*                       everybody; it stands alone
//
// A key that a connection lacks equals nothing. So page == "" is not the connections without a page (those are
// !has(page)), and page != "home" holds for them too.
//
// # Text
//
// The grammar is CEL's (https://github.com/google/cel-spec) wherever CEL has the form; has takes a bare key, and keys may
// contain '-' and begin with '@', which CEL's cannot:
//
//	audience   = "*" | any
//	any        = all { "||" all }
//	all        = term { "&&" term }
//	term       = comparison | operand
//	comparison = key ( "==" | "!=" ) value | key "in" "[" value { "," value } [ "," ] "]"
//	operand    = "!" operand | "(" any ")" | "has" "(" key ")" | key "." "startsWith" "(" value ")"
//	value      = string | parameter
//	key        = [@A-Za-z_][A-Za-z0-9_-]*
//	parameter  = "$" [A-Za-z_][A-Za-z0-9_]*      in templates alone
//
// Strings stand in double or single quotes, with the escapes of JSON, and \' besides. White space, line breaks
// included, is free. As in CEL, '!' takes only what stands right after it: !(page == "home") needs its parentheses.
//
// The words in, true, false and null are CEL's own and no label keys in an audience, in either form; a label with such a
// key can be had but not asked for. The words has and startsWith are keys like any other: has is the function only before
// a parenthesis.
//
// # JSON
//
// In an object all keys must hold, each with the one value or any of the values in its array; integers and booleans
// stand for their literal text, {"order": 7} for order == "7". A string is the text form, so "*" is everybody. What would
// have to be guessed at is refused: an empty object or array, null, other numbers, a key given twice.
//
// # Limits
//
// MaxText, MaxNodes and MaxDepth bound an expression however it is made, also by Bind. The canonical text, which String
// prints, is within them too: whatever was read can be printed and read again, on another node for example.
package audience
