// Package language has what Scenecast tells people in the language of who reads it: which language that is (Tag), by the header
// Accept-Language or by the locale of a terminal, and texts in it (Text, Errorf).
//
// The sources have the English texts, as formats of package fmt. The format is also the key of the catalogue, zh-CN.po, which has the
// Chinese one; a text that it lacks stays English. TestCatalogue compares both with each other: it fails for a format that the catalogue
// lacks, and `go test ./language -run TestCatalogue -update` adds it, for somebody to translate.
package language
