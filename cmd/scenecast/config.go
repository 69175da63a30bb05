package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/config"
	"scenecast/language"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Write, check or print the configuration"}
	cmd.AddCommand(newConfigInit(), newConfigCheck(), newConfigPrint())
	return cmd
}

func newConfigInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration file with every setting explained, and fresh secrets",
		Long:  "Writes " + defaultFile + ", or FILE, which must not exist yet. Only its owner may read it: secrets are in it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := append(args, defaultFile)[0]
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return language.Errorf("%s exists already; nothing was written", path)
			}
			if err != nil {
				return err
			}
			reference := config.Reference
			if reader == language.Chinese {
				reference = config.ChineseReference
			}
			_, err = f.WriteString(config.New(reference, auth.NewSecret(), auth.NewSecret()))
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			flag := ""
			if path != defaultFile {
				flag = " --config " + path
			}
			say(cmd.OutOrStdout(), "%s is written. Next: scenecast serve%[2]s, then scenecast listen%[2]s and scenecast push%[2]s", path, flag)
			return nil
		},
	}
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check the configuration, and name file, line and key of every mistake",
		Long: `Checks the configuration that serve would run with: the file, over it SCENECAST_… variables, over them flags; and the files
of tls. What is allowed and probably not meant is a warning. Exit status 1 when there is a mistake.`,
		Args: cobra.MaximumNArgs(1),
	}
	s := newSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			s.file = args[0]
		}
		l, file, err := s.load()
		if err := errors.Join(err, l.CheckFiles()); err != nil {
			return err
		}
		for _, w := range l.Warnings {
			say(cmd.ErrOrStderr(), "warning: %s", w)
		}
		what := language.Textf("%s", file)
		if file == "" {
			what = language.Textf("no file: environment and defaults")
		}
		say(cmd.OutOrStdout(), "%s: no mistakes; page tokens: %d, API keys: %d, triggers: %d",
			what, len(l.ClientTokens), len(l.APIKeys), len(l.Triggers))
		return nil
	}
	return cmd
}

func newConfigPrint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in force, without its secrets",
		Args:  cobra.NoArgs,
	}
	s := newSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, _, err := s.load()
		if err != nil {
			return err
		}
		fmt.Fprint(cmd.OutOrStdout(), config.Print(l.Config))
		return nil
	}
	return cmd
}
