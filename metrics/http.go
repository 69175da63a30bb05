package metrics

import "time"

// httpMetrics are of HTTP requests, which pages that speak WebSocket or read an event stream are not among.
var httpMetrics = []metric{
	{"scenecast_http_requests_total", "HTTP requests that were answered, by route and status; WebSockets and event streams of pages are not among them.", counter, []string{"route", "status"},
		func(f *Figures) (list []value) {
			for _, r := range f.Requests {
				list = append(list, value{labels: []string{r.Route, r.Status}, number: float64(r.Count)})
			}
			return list
		}},
	{"scenecast_http_request_duration_seconds", "From when the head of an HTTP request was read to when its answer began.", durations, []string{"route"},
		func(f *Figures) []value { return durationsBy(f.RequestTimes) }},
	{"scenecast_calls_refused_total", "Calls of backends that were refused, by the kind of what was wrong.", counter, []string{"reason"},
		func(f *Figures) []value { return by(f.CallsRefused) }},
	{"scenecast_certificate_not_before_seconds", "When a certificate begins to be valid, in seconds since 1970; 0: none has been obtained yet.", gauge, []string{"setting", "certificate"},
		certificates(func(c *Certificate) time.Time { return c.NotBefore })},
	{"scenecast_certificate_not_after_seconds", "When a certificate expires, in seconds since 1970; 0: none has been obtained yet.", gauge, []string{"setting", "certificate"},
		certificates(func(c *Certificate) time.Time { return c.NotAfter })},
	{"scenecast_feed_streams", "Streams of GET /v1/feed that are open.", gauge, nil,
		func(f *Figures) []value { return one(f.Feed.Streams) }},
	{"scenecast_feed_cut_total", "Streams of GET /v1/feed that were cut because they were read too slowly.", counter, nil,
		func(f *Figures) []value { return one(f.Feed.Cut) }},
	{"scenecast_sockjs_sessions", "Pages that are connected over HTTP requests, as sessions of SockJS.", gauge, nil,
		func(f *Figures) []value { return one(f.SockJS.Sessions) }},
	{"scenecast_sockjs_misrouted_total", "Requests of sessions of this node that came to another one.", counter, nil,
		func(f *Figures) []value { return one(f.SockJS.Misrouted) }},
}

// certificates reads a time of each certificate. One that is named twice has one series.
func certificates(at func(*Certificate) time.Time) func(*Figures) []value {
	return func(f *Figures) (list []value) {
		type name struct{ setting, certificate string }
		told := make(map[name]bool)
		for i := range f.Certificates {
			c := &f.Certificates[i]
			if n := (name{c.Setting, c.Name}); !told[n] {
				told[n] = true
				seconds := int64(0)
				if t := at(c); !t.IsZero() {
					seconds = t.Unix()
				}
				list = append(list, value{labels: []string{c.Setting, c.Name}, number: float64(seconds)})
			}
		}
		return list
	}
}
