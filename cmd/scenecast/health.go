package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"scenecast/language"
)

func newHealth() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a server whether it should get traffic",
		Long: `Asks a server whether it is ready to get traffic (GET /readyz), and ends with status 0 where it is; otherwise with 1, and says why.
It needs no key, so that it can be the health check of a container. Of a server whose address is in the configuration the certificate is not
checked, because it is for the name that pages use.`,
		Example: `  scenecast health
  scenecast health --live --timeout 1s            # whether the process answers at all (GET /healthz)
  scenecast health --url https://push.example.com`,
		Args: cobra.NoArgs,
	}
	server := newRemote(cmd, false, "")
	live := cmd.Flags().Bool("live", false, "ask only whether the process answers")
	timeout := cmd.Flags().Duration("timeout", 5*time.Second, "`time` that the server has to answer")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		u, address, err := server.address()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		path := "/readyz"
		if *live {
			path = "/healthz"
		}
		transport := &http.Transport{DialContext: server.dial, DisableKeepAlives: true}
		if server.loaded != nil {
			transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // nothing secret is sent, and localhost is not in the certificate
		}
		answer, err := askHealth(ctx, &http.Client{Transport: transport}, u.JoinPath(path).String())
		if err != nil {
			return explain(err, address, credential{})
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer)
		return nil
	}
	return cmd
}

// maxHealthAnswer is as much of an answer as is read.
const maxHealthAnswer = 4 << 10

// askHealth is what the server says of itself; an error has why it is not well.
func askHealth(ctx context.Context, client *http.Client, url string) (status string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept-Language", string(reader))
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealthAnswer))
	if err != nil {
		return "", err
	}
	var answer struct{ Status, Detail string }
	// In a problem, status is a number: then detail is read all the same.
	_ = json.Unmarshal(body, &answer)
	switch {
	case response.StatusCode == http.StatusOK && answer.Status != "":
		return answer.Status, nil
	case answer.Detail != "":
		return "", language.Errorf("%s: %s", response.Status, answer.Detail)
	default:
		return "", language.Errorf("%s: what answers at %s is no Scenecast", response.Status, url)
	}
}
