// Command bench measures Aurora and its APNs client beside others, all
// against the same local APNs on the same machine. See docs/performance.md.
//
//	go run . apns    our client, sideshow/apns2 and h2load in interleaved rounds
//	go run . rtt     our client over a path with a round trip and Apple's windows
//	go run . memory  the memory of our client while it sends ten million
//	go run . profile where our client's processor time goes
//	go run . growth  a whole push to ever more devices, with a plot
//	go run . service what a server has resident at rest and while it pushes
//	go run . nodes   a whole push through 1, 2 and 3 servers on one PostgreSQL
//	go run . cluster three servers, PostgreSQL and NATS while all of them fail
//	go run . gorush  a whole push beside gorush: one call to many devices
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aurora-push/aurora/server/servertest"
)

var commands = map[string]func(ctx context.Context, arguments []string) error{
	"apns":    compare,
	"rtt":     roundTrips,
	"memory":  memory,
	"profile": profile,
	"gorush":  besideGorush,
	"growth":  growth,
	"service": serviceMemory,
	"nodes":   nodes,
	"cluster": cluster,

	// What the commands above start as processes of their own.
	"client-aurora": auroraClient,
	"client-apns2":  apns2Client,
}

func main() {
	if servertest.ServeNATS() { // a part of nodes and cluster
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go run . apns|rtt|memory|profile|gorush|growth|service|nodes|cluster [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}
