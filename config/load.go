package config

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"scenecast/language"
)

// Sources are where a configuration comes from, besides the defaults.
type Sources struct {
	File      string            // path of the YAML file; empty: none
	Environ   []string          // as from os.Environ; SCENECAST_… variables count
	Flags     map[string]string // values by setting, as in listen
	FlagNames map[string]string // by setting, as in --listen, for mistakes; "command line" where it is missing

	// Again says that a configuration from these sources is in force. Then it is a mistake if the file sets nothing, because a file is empty
	// for a moment when it is written in place; and if it is no regular file, because a pipe is read once.
	Again bool
}

// Loaded is a configuration, and what else is known of it.
type Loaded struct {
	Config
	Warnings []*Mistake // what is allowed, and probably not meant
	Empty    bool       // the file sets nothing, or there is none

	places map[string]string // by setting, and by entry of one: where its value in force came from
}

// Place is where the value of a setting came from, as in `scenecast.yaml:12`, SCENECAST_LISTEN or --listen; "defaults" where
// nothing set it. The key may go on into the setting, as in client_tokens[0].
func (l *Loaded) Place(key string) string {
	for key != "" {
		if place, ok := l.places[key]; ok {
			return place
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return "defaults"
}

// Mistake is one thing wrong with a configuration. A load that fails joins all of them (errors.Join).
type Mistake struct {
	Source string // the file, with line, or the variable or the flag
	Key    string // the setting
	Detail language.Text
}

// Error prints `scenecast.yaml:12: websocket.pong_wait: …`.
func (m *Mistake) Error() string { return m.In(language.English) }

// In prints what Error does, in a language.
func (m *Mistake) In(tag language.Tag) string {
	if m.Key == "" {
		return m.Source + ": " + m.Detail.In(tag)
	}
	return m.Source + ": " + m.Key + ": " + m.Detail.In(tag)
}

// Load reads the sources, in their order, over the defaults, and checks the result. The error is all mistakes joined.
func Load(s Sources) (Config, error) {
	l, err := Read(s)
	return l.Config, err
}

// Read is Load, and also returns what else is known of the configuration.
func Read(s Sources) (*Loaded, error) {
	d := &decoder{Loaded: &Loaded{Config: Default(), Empty: true, places: make(map[string]string)}}
	if s.File != "" {
		d.file(s.File, s.Again)
	}
	d.environ(s.Environ)
	for _, key := range sortedKeys(s.Flags) {
		d.source = "command line"
		if name, ok := s.FlagNames[key]; ok {
			d.source = name
		}
		d.text(key, s.Flags[key])
	}
	d.check(&d.Config)
	d.sortMistakes(s.File)
	return d.Loaded, errors.Join(d.mistakes...)
}

// decoder puts sources into a configuration and collects mistakes as it goes, so that one run tells all of them.
type decoder struct {
	*Loaded
	source   string // the file, the variable or the flag that is read
	mistakes []error
	unread   []error // the mistakes before values were checked
}

// mistake notes what is wrong with a setting in what is read now.
func (d *decoder) mistake(key, format string, args ...any) {
	d.mistakes = append(d.mistakes, &Mistake{Source: d.source, Key: key, Detail: language.Textf(format, args...)})
}

// sortMistakes puts the mistakes of the file into the order of its lines, before those of variables and flags: they were found in the
// order of reading, then of checking.
func (d *decoder) sortMistakes(file string) {
	line := func(err error) int {
		var m *Mistake
		if errors.As(err, &m) {
			if n, err := strconv.Atoi(strings.TrimPrefix(m.Source, file+":")); err == nil {
				return n
			}
		}
		return math.MaxInt
	}
	slices.SortStableFunc(d.mistakes, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
}

// adopt notes what was wrong with a value, each with its line.
func (d *decoder) adopt(key string, n *yaml.Node, err error) {
	var bad badNodes
	bad.adopt(key, n, err)
	for _, b := range bad {
		d.mistakes = append(d.mistakes, &Mistake{Source: d.placeOf(b.node), Key: b.key, Detail: b.detail})
	}
}

// placeOf is where a node stands. The nodes of variables and flags have no lines.
func (d *decoder) placeOf(n *yaml.Node) string {
	if n.Line == 0 {
		return d.source
	}
	return d.source + ":" + strconv.Itoa(n.Line)
}

// remember notes where the value of a setting came from, and the values in it. It does not go into aliases, of which a few
// make much.
func (d *decoder) remember(key string, n *yaml.Node) {
	target := dereference(n)
	if isNull(target) {
		return
	}
	d.places[key] = d.placeOf(target)
	if target != n {
		return
	}
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			d.remember(entry(key, i), child)
		case i%2 == 1:
			d.remember(join(key, n.Content[i-1].Value), child)
		}
	}
}

// entry names an entry of a list.
func entry(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

func (d *decoder) file(path string, again bool) {
	read := readBounded
	if again {
		read = ReadFile
	}
	content, err := read(path)
	if err != nil {
		d.mistakes = append(d.mistakes, err)
		return
	}
	d.source = path
	documents := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	switch err = documents.Decode(&document); {
	case errors.Is(err, io.EOF): // an empty file sets nothing
		if again {
			d.mistake("", "is empty; a file that is written in place is so for a moment: write another one, and rename it")
		}
		return
	case err == nil:
		d.Empty = false
		root := document.Content[0]
		for _, key := range Keys() {
			if n := memberAt(root, key); n != nil {
				d.remember(key, n)
			}
		}
		d.adopt("", root, decode(root, &d.Config))
		if err = documents.Decode(&second); err == nil {
			d.adopt("", &second, language.Errorf("a second document begins; a configuration is one"))
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		d.mistakes = append(d.mistakes, syntaxMistake(path, content, err))
	}
}

// unreadable reports whether the setting was given in a form that could not be read.
func (d *decoder) unreadable(key string) bool {
	return slices.ContainsFunc(d.unread, func(err error) bool {
		var m *Mistake
		return errors.As(err, &m) && m.Key == key
	})
}
