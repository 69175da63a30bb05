package redisclient

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
)

// Sentinels are asked for the master, all of them and again and again. The newest configuration that any of them has is the one that
// counts: only the Sentinel that leads a failover knows of it at once, and a master that hung and goes on is a master still to the others,
// and to itself. Its methods may be called concurrently.
type Sentinels struct {
	option  rueidis.ClientOption
	changed func()

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu     sync.Mutex
	failed map[string]error // by address: why each has not answered; nil: it has, or was not asked yet
	asked  int              // how many have been asked at least once
	first  chan struct{}    // closed when one has answered, or all have been asked
	told   bool             // first is closed
	master string           // host:port; empty: none is known
	epoch  uint64           // of the configuration that says so
	since  time.Time        // when a Sentinel said so last
}

const (
	// askEvery is how often each Sentinel is asked.
	askEvery = 200 * time.Millisecond

	// forgetSentinel is after how long one is asked no more that does not answer and is none of the options.
	forgetSentinel = time.Minute

	// believeFor is how long a configuration counts that no Sentinel has any more, while they have older ones: they may have been made anew.
	believeFor = 5 * time.Second
)

// WatchSentinels asks the Sentinels of these options, which have a Sentinel.MasterSet, and those that they name, until Close. Changed is
// called when the master is another one than before; it must not wait. Nil: nobody is told.
func WatchSentinels(c rueidis.ClientOption, changed func()) *Sentinels {
	s := &Sentinels{option: c, changed: changed, failed: make(map[string]error), first: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, address := range c.InitAddress {
		s.add(address)
	}
	return s
}

// Close ends all asking.
func (s *Sentinels) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.asking.Wait()
}

// Await waits until a Sentinel has named the master, or all of the options have been asked in vain, which is an error.
func (s *Sentinels) Await(ctx context.Context) error {
	select {
	case <-s.first:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master != "" {
		return nil
	}
	var all []error
	for address, err := range s.failed {
		if err != nil {
			all = append(all, language.Errorf("%s: %w", address, err))
		}
	}
	return language.Errorf("the master %s by the Sentinels at %s: %w", s.option.Sentinel.MasterSet, strings.Join(s.option.InitAddress, ", "), errors.Join(all...))
}

// Master is the host:port of the master by now. Empty: no Sentinel has named one yet.
func (s *Sentinels) Master() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.master
}

// ServerOption is how to connect to one server of those that the Sentinels watch.
func (s *Sentinels) ServerOption(address string) rueidis.ClientOption {
	c := s.option
	c.InitAddress, c.ForceSingleClient, c.Sentinel = []string{address}, true, rueidis.SentinelOption{}
	return c
}

// add, with mu held, asks one more, unless it is asked already.
func (s *Sentinels) add(address string) {
	if _, known := s.failed[address]; known || s.ctx.Err() != nil {
		return
	}
	s.failed[address] = nil
	s.asking.Go(func() { s.keepAsking(address) })
}

func (s *Sentinels) keepAsking(address string) {
	c := s.ServerOption(address)
	o := s.option.Sentinel
	c.Username, c.Password, c.ClientName, c.TLSConfig, c.Dialer, c.SelectDB = o.Username, o.Password, o.ClientName, o.TLSConfig, o.Dialer, 0
	var client rueidis.Client
	answered := time.Now()
	for s.ctx.Err() == nil {
		var err error
		if client == nil {
			client, err = rueidis.NewClient(c)
		}
		if err == nil {
			err = s.ask(client)
		}
		if err != nil && client != nil {
			client.Close()
			client = nil
		}
		s.noteAsked(address, err)
		if err == nil {
			answered = time.Now()
		} else if time.Since(answered) > forgetSentinel && !slices.Contains(s.option.InitAddress, address) {
			s.mu.Lock()
			delete(s.failed, address) // whoever names it still has it asked again
			s.mu.Unlock()
			return
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(askEvery):
		}
	}
	if client != nil {
		client.Close()
	}
}

// ask asks one Sentinel, in one go: so what it says is of one moment, but for a failover that comes between, which the next answer tells.
func (s *Sentinels) ask(client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.option.Dialer.Timeout)
	defer cancel()
	name := s.option.Sentinel.MasterSet
	answers := client.DoMulti(ctx,
		client.B().Arbitrary("SENTINEL", "MASTER", name).Build(),
		client.B().SentinelGetMasterAddrByName().Master(name).Build(),
		client.B().SentinelSentinels().Master(name).Build())
	known, err := answers[0].AsStrMap()
	if err != nil {
		return err
	}
	epoch, err := strconv.ParseUint(known["config-epoch"], 10, 64)
	if err != nil {
		return language.Errorf("config-epoch of the master %s: %w", name, err)
	}
	at, err := answers[1].AsStrSlice()
	if err != nil {
		return err
	}
	if len(at) != 2 {
		return language.Errorf("the address of the master %s is %q", name, at)
	}
	others, err := answers[2].ToArray()
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, other := range others {
		if m, err := other.AsStrMap(); err == nil {
			s.add(net.JoinHostPort(m["ip"], m["port"]))
		}
	}
	isNew := s.note(net.JoinHostPort(at[0], at[1]), epoch, time.Now())
	s.mu.Unlock()
	if isNew && s.changed != nil {
		s.changed()
	}
	return nil
}

// note, with mu held, takes what one Sentinel has said, and reports whether the master is another one by that.
func (s *Sentinels) note(master string, epoch uint64, now time.Time) (isNew bool) {
	switch {
	case s.master == "" || epoch > s.epoch || now.Sub(s.since) > believeFor:
		isNew = s.master != master
		s.master, s.epoch, s.since = master, epoch, now
	case epoch == s.epoch && master == s.master:
		s.since = now
	}
	return isNew
}

// noteAsked notes how asking one Sentinel has ended.
func (s *Sentinels) noteAsked(address string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[address] = err
	if s.told {
		return
	}
	s.asked++
	if s.master != "" || s.asked >= len(s.option.InitAddress) {
		s.told = true
		close(s.first)
	}
}
