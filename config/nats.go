package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// leastForgetAfter is twice the time in which nodes tell of themselves: after less, nodes that are there would be forgotten.
const leastForgetAfter = 2 * time.Second

// checkNATS finds settings of NATS and of nodes that would be without effect, as whoever sets them counts on it.
func (d *decoder) checkNATS(c *Config) {
	k := &c.Cluster
	if t := time.Duration(k.ForgetAfter); 0 < t && t < leastForgetAfter {
		d.wrong("cluster.forget_after", "%v is too short: nodes tell of themselves once a second; it takes at least %v", t, leastForgetAfter)
	}
	if engine := c.EngineName(); engine != EngineNATS {
		for key, set := range map[string]bool{
			"nats.replicas": c.NATS.Replicas != 0, "nats.sync": c.NATS.Sync == SyncAlways, "nats.credentials": c.NATS.Credentials != "",
		} {
			if set {
				d.wrong(key, "needs the engine %s, and this is %s (engine, data_dir, nats.url and cluster.peers decide)", EngineNATS, engine)
			}
		}
		d.warnOfIdle(c)
		return
	}
	switch {
	case c.NATS.URL != "":
		d.checkNATSURL(c.NATS.URL)
		if c.NATS.Sync == SyncAlways {
			d.wrong("nats.sync", "is for the embedded NATS; an external one (nats.url) has a setting of its own, sync_interval")
		}
	case c.NATS.Credentials != "":
		d.wrong("nats.credentials", "is for an external NATS, and nats.url is missing")
	}
	d.warnOfIdle(c)
}

// warnOfIdle tells of a secret or certificates between nodes where there are none: perhaps they were meant to be a cluster. It tells of
// elections where there are none, too.
func (d *decoder) warnOfIdle(c *Config) {
	if k := &c.Cluster; k.Secret != "" && k.Listen == "" && len(k.Peers) == 0 {
		d.warn("cluster.secret", "cluster.secret", "is for nodes that find each other by cluster.listen and cluster.peers, which are not set")
	}
	if t := c.Cluster.TLS; t != (ClusterTLS{}) && c.NATS.URL == "" && c.Cluster.Listen == "" && len(c.Cluster.Peers) == 0 {
		key := firstSet("cluster.tls", "cert", t.Cert, "key", t.Key, "ca", t.CA)
		d.warn(key, key, "is for nodes that find each other by cluster.listen and cluster.peers, or nats.url, which are not set")
	}
	if c.Cluster.Election != ElectionFast && (c.EngineName() != EngineNATS || c.NATS.URL != "") {
		d.warn("cluster.election", "cluster.election", "is for the embedded NATS, and does nothing here")
	}
}

// natsSchemes are those that a NATS URL may have; none is nats.
var natsSchemes = []string{"nats", "tls", "ws", "wss"}

// checkNATSURL finds what is wrong with the URL of external servers, of which there may be several.
func (d *decoder) checkNATSURL(text string) {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		switch {
		case err != nil: // its text may have a password
			d.wrong("nats.url", "is no URL; write it as nats://10.0.0.9:4222")
		case !slices.Contains(natsSchemes, u.Scheme):
			d.wrong("nats.url", "%q is no scheme of NATS; there are %s", u.Scheme, strings.Join(natsSchemes, ", "))
		case u.User != nil:
			d.wrong("nats.url", "has a user or token in it, which would be shown where URLs are; it belongs into nats.credentials")
		case u.Hostname() == "":
			d.wrong("nats.url", "has no host; write it as nats://10.0.0.9:4222")
		case u.Port() != "" && !isPort(u.Port()):
			d.wrong("nats.url", "%q is no port; ports are 1 to 65535", u.Port())
		}
	}
}

// checkAddresses finds what is wrong with the addresses of nodes, and reports whether nothing is.
func (d *decoder) checkAddresses(k *Cluster) bool {
	ok := true
	for i, addr := range append([]string{k.Listen}, k.Peers...) {
		key := "cluster.peers"
		if i == 0 {
			key = "cluster.listen"
		}
		host, port, err := net.SplitHostPort(addr)
		switch {
		case err != nil:
			d.wrong(key, "%q is no address; write it as 10.0.0.2:9601", addr)
		case !isPort(port):
			d.wrong(key, "%q is no port of a node; the others must know it before it starts, so it is one of 1 to 65535", port)
		case i > 0 && host == "":
			d.wrong(key, "%q has no host; it is where this node reaches another one", addr)
		default:
			continue
		}
		ok = false
	}
	return ok
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// isAnyHost reports whether an address to listen on is of all of the machine's addresses.
func isAnyHost(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
