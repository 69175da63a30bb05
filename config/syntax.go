package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"scenecast/language"
)

var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	tabIndent = regexp.MustCompile(`^ *\t`)
	anchor    = regexp.MustCompile(`anchor '(.*)'`)
)

// syntaxMistake says what is wrong with a file that is no YAML. The library's errors have the line, most of them: "yaml: line
// 3: …". What they say of a tab is "found character that cannot start any token", sometimes of the line before.
func syntaxMistake(path string, content []byte, err error) *Mistake {
	why := yamlLine.ReplaceAllString(err.Error(), "")
	m := &Mistake{Source: path, Detail: language.Textf("%s", why)}
	at, _ := strconv.Atoi(yamlLine.FindStringSubmatch(err.Error())[1])
	if at > 0 {
		m.Source = fmt.Sprintf("%s:%d", path, at)
	}
	if name := anchor.FindStringSubmatch(why); name != nil {
		// The name is not shown: it may be a secret.
		m.Detail = language.Textf("an alias (*…) names no anchor that stands before it; a text that begins with * or & needs quotes")
		if before, _, found := strings.Cut(string(content), "*"+name[1]); found {
			m.Source = fmt.Sprintf("%s:%d", path, 1+strings.Count(before, "\n"))
		}
		return m
	}
	if !strings.Contains(why, "tab character") && !strings.Contains(why, "cannot start any token") {
		return m
	}
	lines := strings.Split(string(content), "\n")
	for i, line := range lines[max(0, at-1):min(len(lines), at+1)] {
		if tabIndent.MatchString(line) {
			m.Source = fmt.Sprintf("%s:%d", path, max(1, at)+i)
			m.Detail = language.Textf("this line is indented by a tab; YAML takes spaces only")
			break
		}
	}
	return m
}
