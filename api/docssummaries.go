package api

import (
	_ "embed"

	"scenecast/webpage"
)

// chineseSummaries are the summaries of the calls in openapi.json in Chinese, by operationId, and the descriptions of its tags, by "tag" and
// their names, as a JSON object. The site of the documents reads the same file.
//
//go:embed summaries.zh-CN.json
var chineseSummaries string

// summariesIn is a JSON object of the summaries in a language; without any for English, in which openapi.json has its own.
func summariesIn(lang webpage.Language) string {
	if lang == webpage.Chinese {
		return chineseSummaries
	}
	return "{}"
}
