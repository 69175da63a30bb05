package doctor

import (
	"context"
	"time"

	"scenecast/language"
)

// How much clocks may differ. HTTP tells the time in whole seconds.
const (
	smallSkew = 5 * time.Second
	largeSkew = time.Minute
)

// checkClockSync asks the kernel whether anything keeps the clock right.
func checkClockSync(_ context.Context, s *subject, r *report) {
	c, err := s.System.Clock()
	switch {
	case err != nil:
		r.add(Skipped, nothing, "the kernel does not tell how the clock is kept: %v", err)
	case !c.Synchronized:
		r.add(Warning, language.Textf("Run chrony or systemd-timesyncd (timedatectl set-ntp true); on a virtual machine, on its host."),
			"nothing keeps the clock right (adjtimex): tokens seem to end early or late, and so do signatures of hooks and of Pusher's API")
	default:
		r.add(OK, nothing, "the clock is kept right, within %v by the kernel's estimate", c.MaxError.Round(time.Microsecond))
	}
}

// skew compares the clock with another one, which told its time between two moments. It adds a finding only where they differ.
func (r *report) skew(part string, whose language.Text, theirs, sent, got time.Time) {
	if theirs.IsZero() {
		return
	}
	var differ time.Duration
	switch {
	case theirs.Before(sent.Truncate(time.Second)):
		differ = theirs.Sub(sent)
	case theirs.After(got):
		differ = theirs.Sub(got)
	}
	status := Warning
	switch {
	case differ.Abs() < smallSkew:
		return
	case differ.Abs() >= largeSkew:
		status = Failure
	}
	do := language.Textf("Have the clocks of both machines kept right (chrony, systemd-timesyncd): tokens may differ by jwt.leeway, and signed calls by minutes.")
	if differ < 0 {
		r.addOf(part, status, do, "the clock of %s is %v behind this one's", whose, differ.Abs().Round(time.Second))
	} else {
		r.addOf(part, status, do, "the clock of %s is %v ahead of this one's", whose, differ.Round(time.Second))
	}
}
