// Command conformance runs foreign APNs clients, unmodified, against the local
// APNs of this repository and compares what each client reported with what the
// local APNs recorded. It is started by the script "run" beside it; what it
// found is explained in docs/foreign-apns-clients.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	short := flag.Bool("short", false, "only the clients that are quick to build: apns2 and curl")
	aurora := flag.String("aurora", "", "use this aurora program instead of building one")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: conformance/apns/run [--short] [--aurora FILE] [client…]\nclients: %s\n", strings.Join(clientNames(), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, *short, *aurora, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, short bool, aurora string, names []string) error {
	chosen, err := choose(short, names)
	if err != nil {
		return err
	}
	build, err := filepath.Abs(".build")
	if err != nil {
		return err
	}
	if aurora == "" {
		aurora = filepath.Join(build, "aurora")
		if err := command(ctx, filepath.Join("..", ".."), "go", "build", "-o", aurora, "./cmd/aurora"); err != nil {
			return err
		}
	}
	temporary, err := os.MkdirTemp("", "foreign-apns-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	g, err := startGateway(ctx, aurora, filepath.Join(temporary, "apns"))
	if err != nil {
		return err
	}
	defer g.stop()

	report := report{}
	for _, c := range chosen {
		if err := c.prepare(ctx, filepath.Join(build, c.name)); err != nil {
			report.skip(c.name, err)
			continue
		}
		for _, k := range cases {
			report.add(c.name, k.name, runCase(ctx, g, c, k, temporary))
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	report.print(os.Stdout)
	if report.failed() {
		return errors.New("a case that must pass did not")
	}
	if len(report.clients) == 0 {
		return errors.New("no client could be had; nothing was tested")
	}
	return nil
}

// choose finds the clients by name; none means all, or the quick ones.
func choose(short bool, names []string) ([]*client, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(slices.Clone(clients), func(c *client) bool { return short && !c.quick }), nil
	}
	var chosen []*client
	for _, name := range names {
		i := slices.IndexFunc(clients, func(c *client) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no client %q; use %s", name, strings.Join(clientNames(), ", "))
		}
		chosen = append(chosen, clients[i])
	}
	return chosen, nil
}
