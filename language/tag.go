package language

import (
	"net/http"
	"strings"
)

// Tag is a BCP 47 tag of a language that Scenecast speaks.
type Tag string

// The languages. English is the default, and the language of logs.
const (
	Chinese Tag = "zh-CN"
	English Tag = "en"
)

// OfRequest is the language that the client prefers. An answer that depends on it says so: Vary: Accept-Language.
func OfRequest(r *http.Request) Tag {
	switch values := r.Header.Values("Accept-Language"); len(values) {
	case 0:
		return English
	case 1:
		return negotiate(values[0])
	default:
		return negotiate(strings.Join(values, ","))
	}
}

// OfLocale is the language of a command's output, by the variables of POSIX (XBD 8.2): the first of LC_ALL, LC_MESSAGES and LANG that is
// not empty says it, as in zh_CN.UTF-8. Texts are UTF-8, so a locale with another encoding gets English, which is ASCII in most of them.
func OfLocale(getenv func(string) string) Tag {
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := getenv(variable); locale != "" {
			return ofLocale(locale)
		}
	}
	return English
}

// ofLocale reads language[_territory][.codeset][@modifier].
func ofLocale(locale string) Tag {
	locale, _, _ = strings.Cut(locale, "@")
	name, codeset, encoded := strings.Cut(locale, ".")
	name, _, _ = strings.Cut(name, "_")
	if encoded && !strings.EqualFold(codeset, "UTF-8") && !strings.EqualFold(codeset, "UTF8") || !strings.EqualFold(name, "zh") {
		return English
	}
	return Chinese
}

// negotiate picks a language by an Accept-Language header (RFC 9110, section 12.5.4). A range counts for a
// language where its primary subtag agrees, so en-GB gets en, and zh-TW gets zh-CN rather than nothing it can read; "*"
// counts where no range names the language. A tie goes to the language named first; without a preference it is English.
func negotiate(header string) Tag {
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
