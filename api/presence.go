package api

import (
	"maps"
	"slices"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/problem"
)

// Presence knows who is in which scene; *presence.Service does.
type Presence interface {
	// Declares reports whether the values of a key are scenes.
	Declares(app, key string) bool
	// Declared are the keys whose values are scenes, in the order of the settings.
	Declared(app string) []string
	// Scene is a scene, and its members by name, behind one, at most limit.
	Scene(id presence.SceneID, after string, limit int) ([]presence.Member, presence.Scene)
	// Scenes are those of a key by value, behind one, at most limit, and how many there are.
	Scenes(app, key, after string, limit int) ([]presence.Scene, int)
}

// presenceResponse is the answer to GET /v1/presence?key=order&value=7.
type presenceResponse struct {
	Key         string          `json:"key"`
	Value       string          `json:"value"`
	Count       int             `json:"count"`       // members, on all pages
	Anonymous   int             `json:"anonymous"`   // connections without a user
	Connections int             `json:"connections"` // of members and without a user
	Members     []presentMember `json:"members"`
	Next        string          `json:"next,omitempty"` // the parameter after of the next page; missing on the last
}

type presentMember struct {
	User        string    `json:"user"`
	Labels      label.Set `json:"labels,omitzero"` // that it shows; not for a caller who is confined
	Connections int       `json:"connections"`     // 0: it is leaving
	Since       time.Time `json:"since,omitzero"`  // not for a caller who is confined
}

// scenesResponse is the answer to GET /v1/presence?key=order.
type scenesResponse struct {
	Key      string         `json:"key"`
	Scenes   []presentScene `json:"scenes"`
	Distinct int            `json:"distinct"`       // scenes, on all pages
	Next     string         `json:"next,omitempty"` // the parameter after of the next page; missing on the last
}

type presentScene struct {
	Value       string `json:"value"`
	Members     *int   `json:"members,omitempty"`   // not for a caller who is confined
	Anonymous   *int   `json:"anonymous,omitempty"` // not for a caller who is confined
	Connections int    `json:"connections"`
}

// presence answers GET /v1/presence: who is in a scene, or in which scenes of a key anybody is. It is what this node knows, and no other is
// asked; but for a caller who is confined, of whom the nodes tell which connections it reaches.
func (a *API) presence(r *request) (any, error) {
	key := r.params["key"]
	if a.o.Presence == nil || !a.o.Presence.Declares(r.caller.App, key) {
		return nil, problem.New(problem.NotFound, "%.64q is no key whose presence is known", key).At("key").DecidedBy("presence")
	}
	limit, err := r.params.limit()
	if err != nil {
		return nil, err
	}
	value, one := r.params["value"]
	id := presence.SceneID{App: r.caller.App, Key: key, Value: value}
	switch after := r.params["after"]; {
	case one && r.caller.Confined():
		return a.confinedScene(r, id, after, limit)
	case one:
		members, scene := a.o.Presence.Scene(id, after, limit+1)
		return sceneOf(id, members, scene, limit), nil
	case r.caller.Confined():
		return a.confinedScenes(r, key, after, limit)
	default:
		scenes, distinct := a.o.Presence.Scenes(r.caller.App, key, after, limit+1)
		return scenesOf(key, scenes, distinct, limit), nil
	}
}

// sceneOf is the answer of which one member more than limit is known.
func sceneOf(id presence.SceneID, members []presence.Member, s presence.Scene, limit int) presenceResponse {
	response := presenceResponse{
		Key: id.Key, Value: id.Value, Count: s.Members, Anonymous: s.Anonymous, Connections: s.Connections, Members: []presentMember{},
	}
	for _, m := range members[:min(limit, len(members))] {
		since := m.Since
		if !since.IsZero() {
			since = since.Truncate(time.Millisecond)
		}
		response.Members = append(response.Members, presentMember{m.User, m.Shows, m.Connections, since})
	}
	if len(members) > limit {
		response.Next = members[limit-1].User
	}
	return response
}

func scenesOf(key string, scenes []presence.Scene, distinct, limit int) scenesResponse {
	response := scenesResponse{Key: key, Scenes: []presentScene{}, Distinct: distinct}
	for _, s := range scenes[:min(limit, len(scenes))] {
		response.Scenes = append(response.Scenes, presentScene{s.Value, &s.Members, &s.Anonymous, s.Connections})
	}
	if len(scenes) > limit {
		response.Next = scenes[limit-1].Value
	}
	return response
}

// confinedScene is a scene for a caller who is confined: members with a connection that the caller reaches, and only those connections.
func (a *API) confinedScene(r *request, id presence.SceneID, after string, limit int) (any, error) {
	scene, err := audience.ParseTemplate(id.Key + " == $value")
	if err != nil {
		return nil, err
	}
	to, err := scene.Bind(map[string]string{"value": id.Value})
	if err != nil {
		return nil, problem.At(err, "value")
	}
	reply, err := a.ask(r, scenecast.Query{To: to, Values: &scenecast.Values{Key: scenecast.LabelUser}})
	if err == nil {
		err = reply.CheckWhole()
	}
	if err != nil {
		return nil, err
	}
	s := presence.Scene{Members: len(reply.Values), Connections: reply.Tally.Matched, Anonymous: reply.Tally.Matched}
	for _, n := range reply.Values {
		s.Anonymous -= n
	}
	var members []presence.Member
	for _, user := range behind(reply.Values, after, limit+1) {
		members = append(members, presence.Member{User: user, Connections: reply.Values[user]})
	}
	return sceneOf(id, members, s, limit), nil
}

// confinedScenes are the scenes in which the caller reaches a connection.
func (a *API) confinedScenes(r *request, key, after string, limit int) (any, error) {
	reply, err := a.ask(r, scenecast.Query{To: audience.Everybody(), Values: &scenecast.Values{Key: key}})
	if err == nil {
		err = reply.CheckWhole()
	}
	if err != nil {
		return nil, err
	}
	response := scenesResponse{Key: key, Scenes: []presentScene{}, Distinct: len(reply.Values)}
	values := behind(reply.Values, after, limit+1)
	for _, value := range values[:min(limit, len(values))] {
		response.Scenes = append(response.Scenes, presentScene{Value: value, Connections: reply.Values[value]})
	}
	if len(values) > limit {
		response.Next = values[limit-1]
	}
	return response, nil
}

// behind are the keys of a map in order, behind one, at most limit.
func behind(m map[string]int, after string, limit int) []string {
	keys := slices.Sorted(maps.Keys(m))
	i, found := slices.BinarySearch(keys, after)
	if found && after != "" {
		i++
	}
	return keys[i:min(i+limit, len(keys))]
}
