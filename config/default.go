package config

import (
	"fmt"
	"strings"
	"sync"

	_ "embed"
	"go.yaml.in/yaml/v3"
)

// Reference is a configuration file with every setting, its default and what it does. The words TOKEN and KEY stand where
// a file of somebody's own has secrets.
//
//go:embed scenecast.yaml
var Reference string

// ChineseReference is the same file with comments in Chinese.
//
//go:embed scenecast.zh-CN.yaml
var ChineseReference string

// New is a file with secrets in it, made of Reference or ChineseReference, as `config init` writes it.
func New(reference, clientToken, apiKey string) string {
	return strings.NewReplacer(`"TOKEN"`, fmt.Sprintf("%q", clientToken), `"KEY"`, fmt.Sprintf("%q", apiKey)).Replace(reference)
}

// reference is the reference, parsed.
var reference = sync.OnceValue(func() *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(Reference), &document); err != nil {
		panic("config: the reference: " + err.Error()) // it is part of the program
	}
	return document.Content[0]
})

// Default is the configuration where nothing is set: what the reference says, without its tokens, keys and triggers. So
// nobody may do anything.
func Default() (c Config) {
	if err := decode(reference(), &c); err != nil {
		panic("config: the reference: " + err.Error())
	}
	c.ClientTokens, c.APIKeys, c.Triggers = nil, nil, nil
	return c
}
