package language

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The catalogue is a PO file (GNU gettext manual, "The Format of PO Files"), which editors for translators read.
//
//go:embed zh-CN.po
var chinesePO string

// chinese reads the catalogue when somebody reads Chinese for the first time.
var chinese = sync.OnceValue(func() map[string]string {
	entries, err := parsePO(chinesePO)
	if err != nil {
		panic("language: zh-CN.po: " + err.Error()) // a test has read it
	}
	translations := make(map[string]string, len(entries))
	for _, e := range entries {
		if e.translation != "" {
			translations[e.id] = e.translation
		}
	}
	return translations
})

// translate is a text or format of the sources in a language; itself where the catalogue lacks it.
func translate(tag Tag, format string) string {
	if tag == Chinese {
		if translation, ok := chinese()[format]; ok {
			return translation
		}
	}
	return format
}

// entry is one of the catalogue.
type entry struct {
	id          string // English
	translation string // empty: nobody has translated it yet
}

// parsePO reads the part of the PO format that the catalogue uses: comments, msgid and msgstr, and texts in several lines. The entry without
// an ID, which is the file's header, is left out.
func parsePO(text string) (entries []entry, err error) {
	var e entry
	var into *string // what a line of text alone goes on with
	finish := func() {
		if e.id != "" {
			entries = append(entries, e)
		}
		e, into = entry{}, nil
	}
	line := 0
	for content := range strings.Lines(text) {
		line++
		content = strings.TrimSpace(content)
		keyword, quoted, _ := strings.Cut(content, " ")
		switch {
		case content == "" || content[0] == '#':
			continue
		case content[0] == '"' && into != nil:
			quoted = content
		case keyword == "msgid":
			finish()
			into = &e.id
		case keyword == "msgstr" && into == &e.id:
			into = &e.translation
		default:
			return nil, fmt.Errorf("line %d: neither msgid, msgstr, a text nor a comment", line)
		}
		part, err := strconv.Unquote(quoted)
		if err != nil || !strings.HasPrefix(quoted, `"`) {
			return nil, fmt.Errorf("line %d: not a text in quotes", line)
		}
		*into += part
	}
	finish()
	return entries, nil
}
