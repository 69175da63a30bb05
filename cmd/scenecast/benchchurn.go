package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"scenecast/bench/churn"
	"scenecast/bench/load"
	"scenecast/language"
)

// addressList is the addresses of several servers, by a flag that is given several times or has commas.
type addressList []string

func (l *addressList) Set(text string) error {
	*l = append(*l, strings.Split(text, ",")...)
	return nil
}

func (l *addressList) String() string { return strings.Join(*l, ",") }

// Type is what the flag takes, where its usage does not say.
func (*addressList) Type() string { return "string" }

// orVariable is the list, or what the variable says.
func (l *addressList) orVariable() []string {
	if text := os.Getenv(urlVariable); len(*l) == 0 && text != "" {
		return strings.Split(text, ",")
	}
	return *l
}

// churnRate is how many pages leave in a second, as in 500/s.
type churnRate int

func (r *churnRate) Set(text string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "/s"))
	if err != nil || n < 0 {
		return language.Errorf("takes a number of pages per second, as in 500/s")
	}
	*r = churnRate(n)
	return nil
}

func (r *churnRate) String() string { return fmt.Sprintf("%d/s", *r) }

// Type is what the flag takes, where its usage does not say.
func (*churnRate) Type() string { return "rate" }

// notChurn are the flags of the measurement of one server, which there is none of while pages come and go.
var notChurn = []string{"to", "few", "pipeline", "rounds", "pushes", "protocol"}

// runChurn loads the servers at these addresses, or one of its own, with pages that come and go.
func runChurn(cmd *cobra.Command, server *remote, addresses []string, o churn.Options, asJSON bool) error {
	for _, flag := range notChurn {
		if cmd.Flags().Changed(flag) {
			return language.Errorf("--%s belongs to the measurement of one server whose pages stay, without --churn, --resume and --duration", flag)
		}
	}
	if len(addresses) == 0 {
		var own load.Options
		end, err := aimBench(cmd, &own, server)
		if err != nil {
			return err
		}
		defer end()
		o.URLs, o.Token, o.Key, o.PIDs = []*url.URL{own.URL}, own.Token, own.Key, []int{own.PID}
	} else {
		from := urlVariable
		if cmd.Flags().Changed("url") {
			from = "--url"
		}
		for _, text := range addresses {
			u, err := parseAddress(text, from)
			if err != nil {
				return err
			}
			o.URLs = append(o.URLs, u)
		}
		token, err := server.pageToken()
		if err != nil {
			return err
		}
		key, err := server.apiKey()
		if err != nil {
			return err
		}
		o.Token, o.Key = token.text, key.text
	}
	report, err := churn.Run(cmd.Context(), o)
	if o.Progress != nil {
		o.Progress(language.Text{}) // leaves an empty line to what follows
	}
	if errors.Is(err, context.Canceled) {
		err = language.Errorf("stopped by a signal")
	}
	if report == nil {
		return err
	}
	return errors.Join(err, printReport(cmd, report, asJSON))
}
