package webpage

import (
	"net/http"
	"strings"

	"scenecast/language"
)

// Language is a language that the pages come in.
type Language = language.Tag

// The languages.
const (
	Chinese = language.Chinese
	English = language.English
)

// choiceParam is the parameter by which LanguageSwitch chooses a language, and choiceCookie is where the choice is kept: for the whole
// host, because the server does not know which prefix a proxy has stripped from its paths.
const (
	choiceParam  = "lang"
	choiceCookie = "scenecast_lang"
	// A year. It is not Secure, because a language is no secret, and the page may come over plain HTTP.
	choiceAttributes = "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
)

// LanguageOf is the language that the reader has chosen by LanguageSwitch, or otherwise the one that the browser prefers. An answer that
// depends on it says so: see SetLanguage.
func LanguageOf(r *http.Request) Language {
	if chosen, ok := parseLanguage(r.URL.Query().Get(choiceParam)); ok {
		return chosen
	}
	if cookie, err := r.Cookie(choiceCookie); err == nil {
		if chosen, ok := parseLanguage(cookie.Value); ok {
			return chosen
		}
	}
	return language.OfRequest(r)
}

// SetLanguage sets the headers of an answer in the language that LanguageOf has told: which language it is, on what that depends, and, where
// the request has chosen it, the cookie that keeps the choice for a year.
func SetLanguage(w http.ResponseWriter, r *http.Request, lang Language) {
	h := w.Header()
	h.Set("Content-Language", string(lang))
	h.Set("Vary", "Accept-Language, Cookie")
	if _, ok := parseLanguage(r.URL.Query().Get(choiceParam)); ok {
		h.Add("Set-Cookie", choiceCookie+"="+string(lang)+choiceAttributes)

	}
}

// parseLanguage is the language that a tag such as zh, zh-TW or en-GB stands for.
func parseLanguage(tag string) (Language, bool) {
	primary, _, _ := strings.Cut(tag, "-")
	switch {
	case strings.EqualFold(primary, "zh"):
		return Chinese, true
	case strings.EqualFold(primary, "en"):
		return English, true
	}
	return "", false
}
