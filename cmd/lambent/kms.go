package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
	"lambent/internal/secrets"
)

// opener resolves what an invocation runs, with its variables in clear. A function
// whose key cannot be used, or whose file system is not there, is refused here, in
// its environment's place.
type opener struct {
	*catalog.Catalog
	keys  *secrets.Ring
	files fileSystems
}

func (o opener) Resolve(name, qualifier string) (*lambda.Version, error) {
	v, err := o.Catalog.Resolve(name, qualifier)
	if err != nil || v.KMSKeyARN == "" && len(v.FileSystems) == 0 {
		return v, err
	}
	if err := o.files.mountable(v); err != nil {
		return nil, err
	}
	return o.keys.Open(v)
}

// ring is the key store of a data folder.
func (o *options) ring() *secrets.Ring {
	return &secrets.Ring{
		Folder: filepath.Join(o.dataDir, "keys"),
		Home:   lambda.Home{Partition: "aws", Region: o.region, Account: o.account},
	}
}

func newKMS() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "kms",
		Short: "Keep the keys that seal the variables of functions with a KMSKeyArn",
		Long: `Keep the keys that seal the variables of functions with a KMSKeyArn. They are
files in the data folder, and need no running server; what is changed here counts
at once.`,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir(), "folder of everything that is kept")
	f.StringVar(&o.account, "account-id", "000000000000", "the account in the ARNs of keys")
	f.StringVar(&o.region, "region", "us-east-1", "the region in the ARNs of keys")
	cmd.AddCommand(newKMSCreate(&o), newKMSList(&o), newKMSDelete(&o),
		newKMSState(&o, "enable", "Let a key be used again", secrets.KeyEnabled),
		newKMSState(&o, "disable", "Refuse invocations and changes of the functions of a key", secrets.KeyDisabled))
	return cmd
}

func newKMSCreate(o *options) *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use: "create", Short: "Make a key and print its ARN", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := o.ring().Create(description, time.Now())
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), key.ARN)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what the key is for")
	return cmd
}

func newKMSList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := o.ring().Keys()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ARN\tSTATE\tCREATED\tDESCRIPTION")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ARN, k.State, k.Created.Format(time.DateTime), k.Description)
			}
			return w.Flush()
		},
	}
}

func newKMSState(o *options, verb, short, state string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " KEY", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := o.ring().SetState(args[0], state); err != nil {
				return fmt.Errorf("%s %s: %w", verb, args[0], err)
			}
			return nil
		},
	}
}

func newKMSDelete(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "delete KEY", Short: "Remove a disabled key, and with it the variables that it sealed", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := o.ring().Delete(args[0]); err != nil {
				return fmt.Errorf("delete %s: %w", args[0], err)
			}
			return nil
		},
	}
}
