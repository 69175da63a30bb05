package api

import (
	"context"
	"encoding/json"

	"scenecast/problem"
)

// Settings are those in force at this node, and what a reload of the configuration would change.
type Settings struct {
	InForce json.RawMessage  // nested as in the file, without secrets
	Changed []ChangedSetting // that differ between those in force and the file, the environment and flags
	Problem error            // why the configuration cannot be read anew; nil: it can
}

// ChangedSetting is a setting that differs. Of one that holds a secret, both values may look the same.
type ChangedSetting struct {
	Setting string          `json:"setting"`
	InForce json.RawMessage `json:"in_force"`
	InFile  json.RawMessage `json:"in_file"`
	Live    bool            `json:"live"` // a reload puts it in force; false: it needs a restart
}

// settingsResponse is the answer to GET /v1/settings.
type settingsResponse struct {
	Settings json.RawMessage  `json:"settings"`
	Changed  []ChangedSetting `json:"changed"`
	Problem  *problemResponse `json:"problem,omitempty"`
}

// SettingsReader tells the settings under a key, or all where it is empty. Its error may be a problem.
type SettingsReader func(ctx context.Context, key string) (Settings, error)

// settings answers GET /v1/settings. It concerns this node alone, and all apps.
func (a *API) settings(r *request) (any, error) {
	key, given := r.params["key"]
	if given && key == "" {
		return nil, problem.New(problem.Invalid, "is empty; leave it out for all settings").At("key")
	}
	s, err := a.o.Settings(r.Context(), key)
	if err != nil {
		return nil, err
	}
	response := settingsResponse{Settings: s.InForce, Changed: s.Changed}
	if response.Changed == nil {
		response.Changed = []ChangedSetting{} // in JSON a list, not null
	}
	if s.Problem != nil {
		p := a.problemOf(r.Request, s.Problem)
		response.Problem = &p
	}
	return response, nil
}
