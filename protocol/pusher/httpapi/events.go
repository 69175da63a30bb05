package httpapi

import (
	"errors"
	"strconv"
	"time"

	"scenecast/jsonread"
	"scenecast/problem"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
	"scenecast/push"
)

// event answers POST /apps/{id}/events.
func (a *API) event(r *request) (any, error) {
	reader := jsonread.New(r.body)
	defer reader.Free()
	var e event
	if err := e.read(reader, r.app); err != nil {
		return nil, err
	}
	if !reader.End() {
		return nil, badBody(r.body)
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	told, err := a.publish(r, []event{e})
	if err != nil {
		return nil, err
	}
	if e.info == 0 {
		return empty{}, nil
	}
	channels := make(map[channel.Name]attributes, len(e.channels))
	for i, name := range e.channels {
		channels[name] = told[i]
	}
	return struct {
		Channels map[channel.Name]attributes `json:"channels"`
	}{channels}, nil
}

// batch answers POST /apps/{id}/batch_events.
func (a *API) batch(r *request) (any, error) {
	events, err := readBatch(r.body, r.app)
	if err != nil {
		return nil, err
	}
	told, err := a.publish(r, events)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.info != 0 {
			return struct {
				Batch []attributes `json:"batch"`
			}{told}, nil
		}
	}
	return empty{}, nil
}

// readBatch reads {"batch": [event, …]}, of events that have one channel each.
func readBatch(body []byte, of *app.App) (events []event, err error) {
	r := jsonread.New(body)
	defer r.Free()
	if r.Peek() != '{' {
		return nil, badBody(body)
	}
	for r.Enter(); r.More('}'); {
		if r.Name() != "batch" {
			r.Value()
			continue
		}
		if r.Peek() != '[' || events != nil {
			return nil, problem.New(problem.Invalid, "takes one list of events").At("batch")
		}
		events = []event{}
		for r.Enter(); r.More(']'); {
			if len(events) == of.MaxBatch {
				return nil, problem.New(problem.LimitExceeded, "a batch may have %d events", of.MaxBatch).At("batch").DecidedBy(app.SettingBatch)
			}
			var e event
			if err = e.read(r, of); err == nil && r.Peek() != 0 {
				if err = e.check(); err == nil && len(e.channels) > 1 {
					err = problem.New(problem.Invalid, "an event of a batch has one channel").At("channels")
				}
			}
			if err != nil {
				return nil, problem.At(problem.At(err, strconv.Itoa(len(events))), "batch")
			}
			events = append(events, e)
		}
		r.Leave()
	}
	r.Leave()
	switch {
	case !r.End():
		return nil, badBody(body)
	case len(events) == 0:
		return nil, problem.New(problem.Invalid, "a batch needs events").At("batch")
	}
	return events, nil
}

// published is an event on its way to one channel.
type published struct {
	name    channel.Name
	request push.Request
	others  bool // the event leaves a page out
	info    info
	pending push.Pending
}

// publish publishes events, each to its channels, in their order, and tells what is asked for of each channel. Everything that can be wrong
// with an event is found before the first is published.
func (a *API) publish(r *request, events []event) ([]attributes, error) {
	pushes := make([]published, 0, len(events))
	for _, e := range events {
		for _, name := range e.channels {
			request, err := e.push(name, a.o.MaxTTL)
			if err == nil && len(events)+len(e.channels) > 2 { // the only one is checked when it is submitted
				err = inData(a.o.Pusher.Check(r.caller, request))
			}
			if err != nil {
				return nil, err
			}
			pushes = append(pushes, published{name: name, request: request, others: e.socketID != "", info: e.info})
		}
	}
	if key := r.Header.Get(push.IdempotencyHeader); key != "" {
		for i := range pushes {
			pushes[i].request.IdempotencyKey = key
			if len(pushes) > 1 {
				pushes[i].request.IdempotencyKey += "/" + strconv.Itoa(i)
			}
			if err := push.CheckID(pushes[i].request.IdempotencyKey); err != nil {
				return nil, problem.At(err, push.IdempotencyHeader)
			}
		}
	}
	for i := range pushes {
		p := &pushes[i]
		var err error
		if p.pending, err = a.o.Pusher.Submit(r.Context(), r.caller, p.request); err != nil && i > 0 {
			return nil, partly(err, i, len(pushes))
		} else if err != nil {
			return nil, inData(err)
		}
	}
	told := make([]attributes, len(pushes))
	for i := range pushes {
		if err := a.await(r, &pushes[i], &told[i]); err != nil {
			return nil, err
		}
	}
	return told, nil
}

// inData has a problem with the message of a push be at the member of an event that it is made of.
func inData(err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) || p.Where != "message" {
		return err
	}
	c := *p
	c.Where = "data"
	return &c
}

// partly is why some of the pushes of a call were not taken, behind others that were.
func partly(err error, taken, of int) error {
	p := problem.Of(err)
	return problem.New(problem.Uncertain, "of %d events, each in each of its channels, the first %d are published, and the others not: %s", of, taken, p)
}

// await waits until an event is published, and tells what is asked for of its channel.
func (a *API) await(r *request, p *published, told *attributes) error {
	result, err := p.pending.Wait(r.Context())
	if err != nil {
		return err
	}
	if p.info&infoUsers != 0 && p.name.Presence() {
		n := a.countUsers(r, p.name)
		told.Users = &n
	}
	if p.info&infoSubscriptions == 0 {
		return nil
	}
	n := result.Tally.Matched
	if p.others { // whoever is left out has subscribed as well
		if n, err = a.countSubscriptions(r, p.name); err != nil {
			return err
		}
	}
	told.Subscriptions = &n
	return nil
}

// push is the push of an event to a channel.
func (e *event) push(name channel.Name, maxTTL time.Duration) (r push.Request, err error) {
	r = push.Request{Event: e.name, Message: e.data}
	r.To, err = pusher.Audience(name, e.socketID)
	if name.Cache() {
		r.TTL, r.Retain = min(channel.CacheTTL, maxTTL), name.CacheKey()
	}
	return r, err
}
