package api

// Reloaded is what a reload of the configuration has done, and the answer to POST /v1/reload.
type Reloaded struct {
	Applied  []string `json:"applied"`  // settings that have changed and are in force now
	Restart  []string `json:"restart"`  // settings that differ from those in force, and need a restart
	Closed   int      `json:"closed"`   // pages whose token or app is gone
	Warnings []string `json:"warnings"` // what is allowed and probably not meant
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
	for _, list := range []*[]string{&result.Applied, &result.Restart, &result.Warnings} {
		if *list == nil {
			*list = []string{} // in JSON a list, not null
		}
	}
	return result, nil
}
