package doctor

import (
	"context"
	"errors"

	"scenecast/config"
	"scenecast/language"
)

// checkConfig tells the mistakes and the warnings of the configuration.
func checkConfig(_ context.Context, s *subject, r *report) {
	where := language.Textf("%s", s.ConfigFile)
	if s.ConfigFile == "" {
		where = language.Textf("no file: environment and defaults")
	}
	for _, err := range mistakes(s.ConfigError) {
		r.add(Failure, language.Textf("Mend it, and check it: scenecast config check. Other checks go by what could be read."), "%v", err)
	}
	for _, w := range s.Config.Warnings {
		if w.Key == "tls.cert" || w.Key == "tls.certificates.cert" {
			continue // the check of tls tells of it
		}
		r.add(Warning, language.Textf("See the setting in docs/settings.md and config/scenecast.yaml."), "%v", w)
	}
	if s.ConfigError == nil && len(s.Config.Warnings) == 0 {
		r.add(OK, nothing, "%s: no mistakes", where)
	} else if len(r.findings) == 0 {
		r.add(OK, nothing, "%s: no mistakes but those of certificates", where)
	}
}

// mistakes are the errors that were joined.
func mistakes(err error) []error {
	if err == nil {
		return nil
	}
	var one *config.Mistake
	if joined, ok := err.(interface{ Unwrap() []error }); ok && !errors.As(err, &one) {
		return joined.Unwrap()
	} else if ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, mistakes(e)...)
		}
		return all
	}
	return []error{err}
}
