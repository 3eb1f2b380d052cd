// Command conformance runs JPush's official server clients, unmodified, against
// a fresh Aurora with the local APNs and simulated iPhones behind it, and
// compares what each client returned and what each phone showed with what was
// asked. It is started by the script "run" beside it; what it found is explained
// in docs/jpush-compatibility.md.
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
	"time"
)

func main() {
	aurora := flag.String("aurora", "", "use this aurora program instead of building one")
	own := flag.Bool("suites", false, "instead of the calls run the clients' own tests (see the script suites)")
	from := flag.String("sources", "", "a folder with checkouts of the clients that no registry delivers (jpush-api-php-client, jiguang-sdk-java, jpush-api-go-client; for --suites also jpush-api-python-client, jpush-api-java-client)")
	flag.BoolVar(&maySkip, "may-skip", false, "it is no failure that no client could be had")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: conformance/jpush/run [--aurora FILE] [client…]\nclients: %s\n", strings.Join(clientNames(), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if *from != "" {
		var err error
		if sources, err = filepath.Abs(*from); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	if err := run(ctx, *aurora, *own, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		cancel()
		stop()
		os.Exit(1)
	}
}

// maySkip is for whoever has no way to the clients' registries.
var maySkip bool

func run(ctx context.Context, aurora string, own bool, arguments []string) error {
	build, err := filepath.Abs(".build")
	if err != nil {
		return err
	}
	if aurora == "" && !inside() {
		aurora = filepath.Join(build, "aurora")
		if err := command(ctx, filepath.Join("..", ".."), "go", "build", "-o", aurora, "./cmd/aurora"); err != nil {
			return err
		}
	}
	if program := os.Getenv("AURORA_PROGRAM"); inside() && program != "" {
		aurora = program
	}
	if own {
		return runSuites(ctx, aurora, build, arguments)
	}
	chosen, err := choose(arguments)
	if err != nil {
		return err
	}
	if !inside() {
		for _, c := range chosen { // what has to be fetched cannot be inside
			c.unready = c.prepare(ctx, filepath.Join(build, c.folder))
		}
		started, err := goInside(ctx, aurora, build)
		if started || err != nil {
			return err
		}
		fmt.Println("No namespaces can be had here, so JPush's names cannot lead to Aurora: clients without an option are redirected by a change in their process.")
	}
	dir, err := os.MkdirTemp("", "jpush-clients-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	i, err := install(ctx, aurora, dir)
	if err != nil {
		return err
	}
	defer i.stop()
	return call(ctx, i, build, chosen)
}

// call makes the calls of the named clients and prints the table.
func call(ctx context.Context, i *installation, build string, chosen []*client) error {
	t := &table{}
	for _, c := range chosen {
		if err := runClient(ctx, i, c, build, t); err != nil {
			return err
		}
	}
	t.print(os.Stdout)
	switch {
	case t.failed():
		return errors.New("a call that must pass did not")
	case len(t.clients) == 0 && !maySkip:
		return errors.New("no client could be had; nothing was tested")
	}
	return nil
}

// runClient gives the client an app and two phones of its own and makes every
// call. An error means that the run cannot go on.
func runClient(ctx context.Context, i *installation, c *client, build string, t *table) error {
	if c.unready == nil && inside() { // prepared outside, found again here
		c.unready = c.find(filepath.Join(build, c.folder))
	}
	if c.unready != nil {
		t.skip(c.name, c.unready)
		return ctx.Err()
	}
	a, err := i.newApp(ctx, c.name)
	if err != nil {
		return err
	}
	defer a.close()
	for _, k := range cases {
		t.add(c.name, k, runCase(ctx, i, a, c, k))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	c.stop()
	return nil
}

// choose finds the clients by name; none means all.
func choose(names []string) ([]*client, error) {
	if len(names) == 0 {
		return clients, nil
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
