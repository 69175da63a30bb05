package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"scenecast"
	"scenecast/histogram"
	"scenecast/hub"
	"scenecast/problem"
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

// top answers GET /debug/top: how the node and its loops do, as text for people. With every, as in every=2s, it goes on until the client
// leaves: a form feed stands behind each page of it, and goes out with it.
func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	over, again := topOver, false
	if text := r.URL.Query().Get("every"); text != "" {
		var err error
		if over, err = time.ParseDuration(text); err != nil || over < topAtLeast || over > topAtMost {
			http.Error(w, fmt.Sprintf("every: %.40q is no time from %v to %v, such as 2s", text, topAtLeast, topAtMost), http.StatusBadRequest)
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
		s.writeTop(r.Context(), w, before, now)
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
func (s *Server) writeTop(ctx context.Context, to io.Writer, before, now topSample) {
	seconds := now.at.Sub(before.at).Seconds()
	rate := func(before, now int64) string { return fmt.Sprintf("%.1f", float64(now-before)/seconds) }
	state := "ready"
	if err := s.ready(ctx); err != nil {
		state = "not ready: " + problem.Of(err).Error()
	}
	fmt.Fprintf(to, "scenecast %s, %s, %s\n", cmp.Or(s.options.Version, "(no version)"), now.at.UTC().Format(time.DateTime), state)
	outboxes := 0
	for _, bytes := range now.outboxes {
		outboxes += bytes
	}
	fmt.Fprintf(to, "%d pages, %s pushes/s, %s frames lost/s, %.1f of %.1f MiB in outboxes\n\n", s.Connections(), rate(before.pushes, now.pushes),
		rate(before.framesLost, now.framesLost), mib(outboxes), mib(int(s.options.Config.Outbox.MaxTotal)))

	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LOOP\tPAGES\tDELIVERIES/S\tLATE 99%\tROUND 99%\tSTALLED\tTASKS\tSTALLS\tOUTBOXES\tCATCHING UP")
	for i, l := range now.loops {
		shard := now.shards[i]
		pages := fmt.Sprint(shard.Pages)
		if shard.Late {
			pages += " (hangs)"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%v\t%d\t%d\t%.1f MiB\t%d\n", i, pages, rate(before.shards[i].Delivered, shard.Delivered),
			quantile(l.Waits.Since(before.loops[i].Waits)), quantile(l.Rounds.Since(before.loops[i].Rounds)),
			l.Stalled.Round(time.Millisecond), l.Tasks, l.Rounds.Above(stalledRound), mib(now.outboxes[i]), shard.CatchingUp)
	}
	fmt.Fprintln(w, "\nWIRE\tQUEUED/S\tDROPPED/S")
	for i, d := range now.deliveries {
		var was hub.WireDeliveries
		if i < len(before.deliveries) { // a wire keeps its place
			was = before.deliveries[i]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", d.Wire, rate(was.Queued, d.Queued), rate(was.Dropped, d.Dropped))
	}
	if s.starting() != nil { // an engine tells of nodes when it has started
		_ = w.Flush()
		return
	}
	nodes := s.nodes(s.id, s.options.Version)()
	fmt.Fprintln(w, "\nNODE\tSTATE\tPAGES\tPOSITION\tLAG")
	for _, n := range nodes.Nodes {
		writeTopNode(w, n)
	}
	_ = w.Flush()
	if l := nodes.Log; l.Replicas > 0 {
		fmt.Fprintf(to, "\nThe log is led by %s; %d of %d copies are in sync.\n", cmp.Or(l.Leader, "nobody who is known"), l.InSync, l.Replicas)
	}
}

func writeTopNode(w io.Writer, n scenecast.NodeInfo) {
	name := cmp.Or(n.Name, fmt.Sprint(n.ID))
	if n.Self {
		name += " (this one)"
	}
	state := "up"
	switch {
	case n.Late:
		state = "late"
	case n.Problem != "":
		state = "not ready"
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%v\t%d records, %v\n", name, state, n.Connections, n.Newest, n.Lag.Records, n.Lag.Time.Round(time.Millisecond))
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
