package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"scenecast"
	"scenecast/histogram"
	"scenecast/hub"
	"scenecast/language"
	"scenecast/socket"
)

// How long the rates of /debug/top are taken over.
const (
	topOver    = time.Second // unless every says otherwise
	topAtLeast = 100 * time.Millisecond
	topAtMost  = time.Minute
)

// topSample is what /debug/top shows, at one moment.
type topSample struct {
	at         time.Time
	pushes     int64
	framesLost int64
	deliveries []hub.WireDeliveries
	shards     []hub.ShardStats
	loops      []socket.Stats
	outboxes   []int
}

func (s *Server) sampleTop() topSample {
	t := topSample{
		shards:     s.hub.ShardStats(loopsWait),
		at:         time.Now(),
		pushes:     s.hub.Pushes(),
		framesLost: s.overLoops((*socket.Loop).Dropped),
		deliveries: s.hub.Deliveries(),
	}
	for _, l := range s.loops {
		t.loops = append(t.loops, l.Stats())
		t.outboxes = append(t.outboxes, l.OutboxBytes())
	}
	return t
}

// top answers GET /debug/top: how the node and its loops do, as text for people, by Accept-Language. With every, as in every=2s, it goes on until the client
// leaves: a form feed stands behind each page of it, and goes out with it.
func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	tag := language.OfRequest(r)
	w.Header().Set("Content-Language", string(tag))
	w.Header().Set("Vary", "Accept-Language")
	over, again := topOver, false
	if text := r.URL.Query().Get("every"); text != "" {
		var err error
		if over, err = time.ParseDuration(text); err != nil || over < topAtLeast || over > topAtMost {
			http.Error(w, language.Textf("every: %.40q is no time from %v to %v, such as 2s", text, topAtLeast, topAtMost).In(tag), http.StatusBadRequest)
			return
		}
		again = true
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	timer := time.NewTimer(over)
	defer timer.Stop()
	before := s.sampleTop()
	for {
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
		now := s.sampleTop()
		s.writeTop(r.Context(), w, before, now, tag)
		if !again {
			return
		}
		before = now
		timer.Reset(over)
		if _, err := io.WriteString(w, "\f"); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

// stalledRound is how long a round is that counts as a stall; it is one of the bounds of socket.Stats.Rounds.
const stalledRound = 100 * time.Millisecond

// writeTop writes what has happened between two samples.
func (s *Server) writeTop(ctx context.Context, to io.Writer, before, now topSample, tag language.Tag) {
	seconds := now.at.Sub(before.at).Seconds()
	rate := func(before, now int64) string { return fmt.Sprintf("%.1f", float64(now-before)/seconds) }
	version := language.Textf("%s", s.options.Version)
	if s.options.Version == "" {
		version = language.Textf("(no version)")
	}
	say := func(text language.Text) { fmt.Fprintln(to, text.In(tag)) }
	if err := s.ready(ctx); err != nil {
		say(language.Textf("scenecast %s, %s, not ready: %v", version, now.at.UTC().Format(time.DateTime), err))
	} else {
		say(language.Textf("scenecast %s, %s, ready", version, now.at.UTC().Format(time.DateTime)))
	}
	outboxes := 0
	for _, bytes := range now.outboxes {
		outboxes += bytes
	}
	say(language.Textf("%d pages, %s pushes/s, %s frames lost/s, %.1f of %.1f MiB in outboxes", s.Connections(), rate(before.pushes, now.pushes),
		rate(before.framesLost, now.framesLost), mib(outboxes), mib(int(s.options.Config.Outbox.MaxTotal))))
	fmt.Fprintln(to)

	var loops language.Table
	loops.Row(language.Words("LOOP|PAGES|DELIVERIES/S|LATE 99%|ROUND 99%|STALLED|TASKS|STALLS|OUTBOXES|CATCHING UP", tag)...)
	for i, l := range now.loops {
		shard := now.shards[i]
		pages := fmt.Sprint(shard.Pages)
		if shard.Late {
			pages = language.Textf("%d (hangs)", shard.Pages).In(tag)
		}
		loops.Row(fmt.Sprint(i), pages, rate(before.shards[i].Delivered, shard.Delivered),
			quantile(l.Waits.Since(before.loops[i].Waits)), quantile(l.Rounds.Since(before.loops[i].Rounds)),
			l.Stalled.Round(time.Millisecond).String(), fmt.Sprint(l.Tasks), fmt.Sprint(l.Rounds.Above(stalledRound)),
			fmt.Sprintf("%.1f MiB", mib(now.outboxes[i])), fmt.Sprint(shard.CatchingUp))
	}
	_ = loops.Write(to)

	var wires language.Table
	wires.Row(language.Words("WIRE|QUEUED/S|DROPPED/S", tag)...)
	for i, d := range now.deliveries {
		var was hub.WireDeliveries
		if i < len(before.deliveries) { // a wire keeps its place
			was = before.deliveries[i]
		}
		wires.Row(d.Wire, rate(was.Queued, d.Queued), rate(was.Dropped, d.Dropped))
	}
	fmt.Fprintln(to)
	_ = wires.Write(to)
	if s.starting() != nil { // an engine tells of nodes when it has started
		return
	}
	nodes := s.nodes(s.id, s.options.Version)()
	var table language.Table
	table.Row(language.Words("NODE|STATE|PAGES|POSITION|LAG", tag)...)
	for _, n := range nodes.Nodes {
		table.Row(topNode(n, tag)...)
	}
	fmt.Fprintln(to)
	_ = table.Write(to)
	if l := nodes.Log; l.Replicas > 0 {
		leader := language.Textf("%s", l.Leader)
		if l.Leader == "" {
			leader = language.Textf("nobody who is known")
		}
		fmt.Fprintln(to)
		say(language.Textf("The log is led by %s; %d of %d copies are in sync.", leader, l.InSync, l.Replicas))
	}
}

// topNode is a row of the table of nodes.
func topNode(n scenecast.NodeInfo, tag language.Tag) []string {
	name := cmp.Or(n.Name, fmt.Sprint(n.ID))
	if n.Self {
		name = language.Textf("%s (this one)", name).In(tag)
	}
	state := language.Textf("up")
	switch {
	case n.Late:
		state = language.Textf("late")
	case !n.Problem.IsZero():
		state = language.Textf("not ready")
	}
	return []string{name, state.In(tag), fmt.Sprint(n.Connections), n.Newest.String(),
		language.Textf("%d records, %v", n.Lag.Records, n.Lag.Time.Round(time.Millisecond)).In(tag)}
}

// quantile is the bound below which 99 % of the durations were.
func quantile(s histogram.Snapshot) string {
	switch d, ok := s.Quantile(0.99); {
	case ok:
		return "<=" + d.String()
	case s.Count() == 0:
		return "-"
	default:
		return ">" + s.Bounds[len(s.Bounds)-1].String()
	}
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }
