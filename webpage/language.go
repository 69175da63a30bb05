package webpage

import (
	"net/http"
	"strings"
)

// Language is a BCP 47 tag of a language that the pages come in.
type Language string

// The languages.
const (
	Chinese Language = "zh-CN"
	English Language = "en"
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
	return negotiate(strings.Join(r.Header.Values("Accept-Language"), ","))
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

// negotiate picks the page's language by an Accept-Language header (RFC 9110, section 12.5.4). A range counts for a
// language where its primary subtag agrees, so en-GB gets en, and zh-TW gets zh-CN rather than nothing it can read; "*"
// counts where no range names the language. A tie goes to the language named first; without a preference it is English.
func negotiate(header string) Language {
	zh, en := preferenceFor("zh", header), preferenceFor("en", header)
	if zh.quality > en.quality || zh.quality == en.quality && zh.quality > 0 && zh.place < en.place {
		return Chinese
	}
	return English
}

// preference is how much a language is wanted: the quality in thousandths, 0 where it is not, and at which place of the
// header it is named, which for "*" is behind all the others.
type preference struct{ quality, place int }

func preferenceFor(primary, header string) preference {
	var named, any preference
	isNamed := false
	ranges := strings.Split(header, ",")
	for place, item := range ranges {
		tag, quality, ok := parseRange(item)
		if !ok {
			continue
		}
		subtag, _, _ := strings.Cut(tag, "-")
		switch {
		case tag == "*":
			any = preference{max(any.quality, quality), len(ranges)}
		case !strings.EqualFold(subtag, primary):
		case !isNamed || quality > named.quality:
			named, isNamed = preference{quality, place}, true
		}
	}
	if isNamed {
		return named
	}
	return any
}

// parseRange takes "zh-CN;q=0.8" apart. A range with anything else than a quality behind it is none.
func parseRange(item string) (tag string, quality int, ok bool) {
	tag, parameter, weighted := strings.Cut(item, ";")
	tag = strings.Trim(tag, " \t")
	if tag == "" {
		return "", 0, false
	}
	if !weighted {
		return tag, 1000, true
	}
	name, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
	if !strings.EqualFold(name, "q") {
		return "", 0, false
	}
	quality, ok = parseQuality(value)
	return tag, quality, ok
}

// parseQuality reads a qvalue in thousandths: 0 or 1 with at most three decimals, and not above 1 (RFC 9110, section
// 12.4.2). strconv would also take NaN, 1e-1 and -0.
func parseQuality(s string) (thousandths int, ok bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	thousandths = int(whole[0]-'0') * 1000
	for i, unit := 0, 100; i < len(decimals); i, unit = i+1, unit/10 {
		if decimals[i] < '0' || decimals[i] > '9' {
			return 0, false
		}
		thousandths += int(decimals[i]-'0') * unit
	}
	return thousandths, thousandths <= 1000
}
