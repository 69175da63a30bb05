package httpapi

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// channels answers GET /apps/{id}/channels: those that have subscribers.
func (a *API) channels(r *request) (any, error) {
	asked, err := parseInfo(r.query.Get("info"), infoUsers|infoSubscriptions)
	if err != nil {
		return nil, problem.At(err, "info")
	}
	prefix := r.query.Get("filter_by_prefix")
	if asked&infoUsers != 0 && !channel.Name(prefix).Presence() {
		return nil, problem.New(problem.Invalid, "user_count is of presence channels: filter_by_prefix has to begin with presence-").At("info")
	}
	reply, err := a.ask(r, scenecast.Query{To: audience.Everybody(), Values: &scenecast.Values{Key: channel.Label}})
	if err == nil {
		err = reply.CheckWhole()
	}
	if err != nil {
		return nil, err
	}
	users := make(map[string]int)
	if asked&infoUsers != 0 {
		scenes, _ := a.o.Presence.Scenes(r.app.Name, channel.MemberLabel, "", math.MaxInt32)
		for _, s := range scenes {
			users[s.Value] = s.Members
		}
	}
	answer := struct {
		Channels map[string]attributes `json:"channels"`
	}{make(map[string]attributes)}
	for name, n := range reply.Values {
		if _, ofUser := channel.Name(name).User(); ofUser || !strings.HasPrefix(name, prefix) {
			continue
		}
		var told attributes
		if asked&infoSubscriptions != 0 {
			told.Subscriptions = &n
		}
		if asked&infoUsers != 0 {
			members := users[name]
			told.Users = &members
		}
		answer.Channels[name] = told
	}
	return answer, nil
}

// channelName is the channel that the path names.
func (r *request) channelName() (channel.Name, error) {
	name := channel.Name(r.name)
	return name, name.Check(r.app.MaxChannelName, app.SettingChannelName)
}

// channel answers GET /apps/{id}/channels/{channel}.
func (a *API) channel(r *request) (any, error) {
	name, err := r.channelName()
	if err != nil {
		return nil, err
	}
	asked, err := parseInfo(r.query.Get("info"), infoUsers|infoSubscriptions|infoCache)
	switch {
	case err != nil:
		return nil, problem.At(err, "info")
	case asked&infoUsers != 0 && !name.Presence():
		return nil, problem.New(problem.Invalid, "user_count is of presence channels, and %.200q is none", name).At("info")
	case asked&infoCache != 0 && !name.Cache():
		return nil, problem.New(problem.Invalid, "cache is of cache channels, and %.200q is none", name).At("info")
	}
	n, err := a.countSubscriptions(r, name)
	if err != nil {
		return nil, err
	}
	occupied := n > 0
	told := attributes{Occupied: &occupied}
	if asked&infoSubscriptions != 0 {
		told.Subscriptions = &n
	}
	if asked&infoUsers != 0 {
		users := a.countUsers(r, name)
		told.Users = &users
	}
	if asked&infoCache != 0 {
		if told.Cache, err = a.cache(r, name); err != nil {
			return nil, err
		}
	}
	return told, nil
}

// cache is what a cache channel keeps; nil: nothing.
func (a *API) cache(r *request, name channel.Name) (*cached, error) {
	p, err := a.o.Retained(r.Context(), r.app.Name, name.CacheKey())
	if p == nil || err != nil {
		return nil, err
	}
	data := string(p.Message.Data)
	_ = json.Unmarshal(p.Message.Data, &data) // what is no text is told as it is
	left := time.Until(p.At.Add(p.TTL))
	return &cached{data, int(math.Ceil(max(0, left.Seconds())))}, nil
}

// user is a member of a presence channel.
type user struct {
	ID string `json:"id"`
}

// users answers GET /apps/{id}/channels/{channel}/users.
func (a *API) users(r *request) (any, error) {
	name, err := r.channelName()
	if err != nil {
		return nil, err
	}
	if !name.Presence() {
		return nil, problem.New(problem.Invalid, "users are of presence channels, and %.200q is none", name)
	}
	answer := struct {
		Users []user `json:"users"`
	}{[]user{}}
	for _, m := range a.usersOf(r, name) {
		answer.Users = append(answer.Users, user{m.User})
	}
	return answer, nil
}

// isUser is whose connections are ended.
var isUser = func() audience.Template {
	t, err := audience.ParseTemplate(scenecast.LabelUser + " == $user")
	if err != nil {
		panic(err) // it is part of the program
	}
	return t
}()

// terminate answers POST /apps/{id}/users/{user}/terminate_connections.
func (a *API) terminate(r *request) (any, error) {
	to, err := isUser.Bind(map[string]string{"user": r.name})
	if err != nil {
		return nil, err
	}
	ending := scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: scenecast.CloseUnauthorized, Detail: "the app has ended the connections of this user"}
	reply, err := a.ask(r, scenecast.Query{To: to, Disconnect: &scenecast.Disconnect{Ending: ending}})
	if a.o.Audit != nil {
		attributes := []any{"call", "POST /apps/{id}/users/{user}/terminate_connections", "app", r.app.Name, "key", r.key, "to", to.String(), "matched", reply.Tally.Matched}
		if err != nil {
			attributes = append(attributes, "why", err)
		}
		a.o.Audit.Info("audit", attributes...)
	}
	if err != nil {
		return nil, err
	}
	return empty{}, nil
}
