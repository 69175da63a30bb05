package doctor

import (
	"context"
	"fmt"
	"strings"

	"scenecast/language"
)

// What the kernel should have at least: enough for all pages that come back at once when a server or a proxy has restarted.
const (
	fewBacklog       = 1024
	fewSynBacklog    = 512
	fewNetdevBacklog = 1000
	fewPorts         = 20_000
	fewBufferBytes   = 64 << 10 // the most that a socket may hold
)

// pageSize is that of the kernel's memory, in which tcp_mem counts. It is larger on some machines, which then have more room.
const pageSize = 4096

func sysctl(name string, value any) language.Text {
	return language.Textf("sysctl -w %s=%v, and the same in /etc/sysctl.d.", name, value)
}

// checkBacklog looks how many connections may wait to be accepted.
func checkBacklog(_ context.Context, s *subject, r *report) {
	backlog, err := s.number("proc/sys/net/core/somaxconn")
	if err != nil {
		r.unreadable(err)
		return
	}
	switch syn, err := s.number("proc/sys/net/ipv4/tcp_max_syn_backlog"); {
	case backlog < fewBacklog:
		r.add(Warning, language.Textf("%s Then restart the server, which reads it as it opens its port.", sysctl("net.core.somaxconn", 4096)),
			"net.core.somaxconn is %s: so many connections wait to be accepted, and pages that come back all at once are more; those over it try again after a second", count(backlog))
	case err == nil && syn < fewSynBacklog:
		r.add(Warning, sysctl("net.ipv4.tcp_max_syn_backlog", 4096), "net.ipv4.tcp_max_syn_backlog is %s: so many handshakes of TCP may be under way", count(syn))
	default:
		r.add(OK, nothing, "net.core.somaxconn is %s", count(backlog))
	}
}

func checkSyncookies(_ context.Context, s *subject, r *report) {
	on, err := s.number("proc/sys/net/ipv4/tcp_syncookies")
	switch {
	case err != nil:
		r.unreadable(err)
	case on == 0:
		r.add(Warning, sysctl("net.ipv4.tcp_syncookies", 1), "net.ipv4.tcp_syncookies is 0: when handshakes overflow the queue, new pages are dropped without a word")
	default:
		r.add(OK, nothing, "net.ipv4.tcp_syncookies is %d", on)
	}
}

func checkNetdevBacklog(_ context.Context, s *subject, r *report) {
	packets, err := s.number("proc/sys/net/core/netdev_max_backlog")
	switch {
	case err != nil:
		r.unreadable(err)
	case packets < fewNetdevBacklog:
		r.add(Warning, sysctl("net.core.netdev_max_backlog", fewNetdevBacklog),
			"net.core.netdev_max_backlog is %s packets; a push to many pages arrives at once, and its acknowledgements too", count(packets))
	default:
		r.add(OK, nothing, "net.core.netdev_max_backlog is %s", count(packets))
	}
}

// checkTCPMemory looks at what all sockets may hold together. A socket on which nothing waits holds nothing, so one page of memory for each
// is a push that all pages get at once.
func checkTCPMemory(_ context.Context, s *subject, r *report) {
	bounds, err := s.numbers("proc/sys/net/ipv4/tcp_mem", 3)
	if err != nil {
		r.unreadable(err)
		return
	}
	pressure := bounds[1]
	var used uint64
	if line, ok := s.line("proc/net/sockstat", "TCP:"); ok {
		words := strings.Fields(line)
		for i, word := range words {
			if word == "mem" && i+1 < len(words) {
				used, _ = parseNumber(words[i+1])
			}
		}
	}
	do := sysctl("net.ipv4.tcp_mem", fmt.Sprintf(`"%d %d %d"`, uint64(2*s.pages), uint64(3*s.pages), uint64(4*s.pages)))
	switch {
	case used >= pressure:
		r.add(Warning, do, "sockets hold %s, which is over the pressure of net.ipv4.tcp_mem (%s): the kernel shrinks their buffers", size(used*pageSize), size(pressure*pageSize))
	case pressure < uint64(s.pages):
		r.add(Warning, do, "the pressure of net.ipv4.tcp_mem is %s, which is less than 4 KiB for each of %s pages: a push to all of them has the kernel shrink buffers",
			size(pressure*pageSize), count(s.pages))
	default:
		r.add(OK, nothing, "the pressure of net.ipv4.tcp_mem is %s, and sockets hold %s", size(pressure*pageSize), size(used*pageSize))
	}
}

// checkBuffers looks how much a single socket may hold.
func checkBuffers(_ context.Context, s *subject, r *report) {
	bad := false
	warn := func(setting string, want any, found language.Text) {
		bad = true
		r.add(Warning, sysctl(setting, want), "%s", found)
	}
	wanted := uint64(s.Config.Outbox.SendBuffer) //nolint:gosec // it has been checked
	if most, err := s.number("proc/sys/net/core/wmem_max"); err == nil && most < wanted {
		warn("net.core.wmem_max", wanted, language.Textf("net.core.wmem_max is %s, so outbox.send_buffer (%s) is not reached", size(most), size(wanted)))
	}
	for _, name := range []string{"tcp_rmem", "tcp_wmem"} {
		three, err := s.numbers("proc/sys/net/ipv4/"+name, 3)
		switch {
		case err != nil:
			bad = true
			r.unreadable(err)
		case three[2] < fewBufferBytes:
			warn("net.ipv4."+name, fmt.Sprintf(`"%d %d %d"`, min(three[0], 4096), 16<<10, 4<<20),
				language.Textf("net.ipv4.%s lets a socket hold at most %s; distant clients and nodes of the cluster get slow", name, size(three[2])))
		}
	}
	if !bad {
		r.add(OK, nothing, "a socket may hold what outbox.send_buffer asks for (%s)", size(wanted))
	}
}

// checkPorts looks how many connections one address can have to another one's port: those of a proxy to this server, and those of bench.
func checkPorts(_ context.Context, s *subject, r *report) {
	bounds, err := s.numbers("proc/sys/net/ipv4/ip_local_port_range", 2)
	if err != nil {
		r.unreadable(err)
		return
	}
	ports := bounds[1] - min(bounds[0], bounds[1]) + 1
	do := sysctl("net.ipv4.ip_local_port_range", `"10240 65535"`)
	switch {
	case ports < fewPorts:
		r.add(Warning, do, "net.ipv4.ip_local_port_range has %s ports: so many connections go from this machine to one address and port, as those of a proxy here to the server, or of scenecast bench",
			count(ports))
	case ports < uint64(s.pages) && s.Config.UnixSocket() == "":
		r.add(Warning, language.Textf("%s If there are still too few: have the proxy come by a Unix socket (listen: unix:…), or from several addresses (proxy_bind).", do),
			"net.ipv4.ip_local_port_range has %s ports, and %s pages are expected: a proxy on one address cannot have so many connections to one port", count(ports), count(s.pages))
	default:
		r.add(OK, nothing, "net.ipv4.ip_local_port_range has %s ports", count(ports))
	}
}

// checkConntrack looks whether a firewall that follows connections has room for the pages.
func checkConntrack(_ context.Context, s *subject, r *report) {
	most, err := s.number("proc/sys/net/netfilter/nf_conntrack_max")
	if err != nil {
		r.add(Skipped, nothing, "the kernel follows no connections here (nf_conntrack)")
		return
	}
	used, err := s.number("proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		used = 0 // in a container it may be hidden
	}
	do := language.Textf("%s Or exempt the port from being followed (NOTRACK).", sysctl("net.netfilter.nf_conntrack_max", max(4*uint64(s.pages), 2*most)))
	switch {
	case most < uint64(s.pages):
		r.add(Failure, do, "nf_conntrack_max is %s, and %s pages are expected: the firewall drops connections over it", count(most), count(s.pages))
	case used > most/5*4:
		r.add(Warning, do, "of nf_conntrack_max, %s of %s connections are followed already", count(used), count(most))
	default:
		r.add(OK, nothing, "of nf_conntrack_max, %s of %s connections are followed", count(used), count(most))
	}
}
