package api

import (
	"scenecast/language"
)

// Reloaded is what a reload of the configuration has done.
type Reloaded struct {
	Applied  []string // settings that have changed and are in force now
	Restart  []string // settings that differ from those in force, and need a restart
	Closed   int      // pages whose token or app is gone
	Warnings []error  // what is allowed and probably not meant
}

// reloadResponse is the answer to POST /v1/reload.
type reloadResponse struct {
	Applied  []string `json:"applied"`
	Restart  []string `json:"restart"`
	Closed   int      `json:"closed"`
	Warnings []string `json:"warnings"`
}

// reload answers POST /v1/reload. It concerns this node alone, and all apps.
func (a *API) reload(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	if err := (fields{}).read(object); err != nil { // it takes none
		return nil, err
	}
	result, err := a.o.Reload(r.Context())
	if err != nil {
		return nil, err
	}
	tag, none := speak(r.w, r.Request), []string{} // in JSON a list, not null
	answer := reloadResponse{append(none, result.Applied...), append(none, result.Restart...), result.Closed, none}
	for _, warning := range result.Warnings {
		answer.Warnings = append(answer.Warnings, language.Error(warning, tag))
	}
	return answer, nil
}
