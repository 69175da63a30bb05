package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/config"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make keys and tokens"}
	cmd.AddCommand(newTokenKey())
	return cmd
}

func newTokenKey() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Make an API key, and the digest of it that a configuration may have instead",
		Long: `Prints a fresh random API key, which the backend shows, and its SHA-256, which goes into the configuration as

  api_keys:
    - {name: backend, key: "sha256:…"}

so that no file of the server holds the key. It is printed this once: nothing keeps it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key := auth.NewSecret()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s%x\n", key, config.DigestPrefix, auth.DigestOf(key))
			return err
		},
	}
}
