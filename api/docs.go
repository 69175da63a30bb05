package api

//go:generate go tool qtc -file docs.qtpl -skipLineComments

import (
	"embed"
	"path"

	"scenecast/webpage"
)

// assets are the description of the API, for programs, and what the page needs that shows it to people (docs.qtpl): openapi.zh-CN.json has
// each summary and description of openapi.json in Chinese, by the English text. The site of the documents reads the same file.
//
//go:embed openapi.json openapi.zh-CN.json docs
var assets embed.FS

// contentTypes are the assets' types, by extension: those of the machine's own table vary.
var contentTypes = map[string]string{
	".json": "application/json",
	".css":  webpage.CSS,
	".js":   webpage.JavaScript,
	".svg":  webpage.SVG,
}

// shared is what some of the assets begin with: what all pages of the server have in common.
var shared = map[string][]byte{
	"docs/docs.css": webpage.Style,
	"docs/docs.js":  webpage.Script,
	"docs/icon.svg": webpage.Icon, // and nothing else
}

// asset answers with a file.
func asset(name string) func(*API, *request) (any, error) {
	content, err := assets.ReadFile(name)
	if err != nil && shared[name] == nil {
		panic(err) // a route of this package without its file
	}
	file := webpage.NewAsset(contentTypes[path.Ext(name)], shared[name], content)
	return func(_ *API, r *request) (any, error) {
		webpage.SetPolicy(r.w.Header(), docsPolicy)
		file.ServeHTTP(r.w, r.Request)
		return written{}, nil
	}
}

// docsPolicy allows what the page does that shows the description, and nothing else.
const docsPolicy = "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"

// docs answers with the page, in the reader's language.
func docs() func(*API, *request) (any, error) {
	pages := make(map[webpage.Language]*webpage.Asset)
	for lang, words := range docsTranslations {
		pages[lang] = webpage.NewAsset(webpage.HTML, []byte(docsPage(lang, words)))
	}
	return func(_ *API, r *request) (any, error) {
		lang := webpage.LanguageOf(r.Request)
		webpage.SetPolicy(r.w.Header(), docsPolicy)
		webpage.SetLanguage(r.w, r.Request, lang)
		pages[lang].ServeHTTP(r.w, r.Request)
		return written{}, nil
	}
}
