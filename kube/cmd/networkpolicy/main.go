// Command networkpolicy enforces the cluster's NetworkPolicies on its node. It
// is a program of its own because it is not part of any Kubernetes release.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mnist-lab/kube/networkpolicy"
	"mnist-lab/kube/networkpolicy/claims"
)

func main() {
	var options networkpolicy.Options
	flag.StringVar(&options.Node, "node", os.Getenv("NODE_NAME"), "name of the Node that this is")
	flag.StringVar(&options.Bridge, "bridge", "mnist-lab-br", "interface that the pods share")
	flag.StringVar(&options.Directory, "directory", claims.Directory, "where new pods are told of")
	flag.StringVar(&options.Health, "health", "127.0.0.1:10261", "address that says how it goes")
	trusted := flag.String("trusted", "kube-system", "namespaces whose pods have no bounds")
	closed := flag.String("closed", "169.254.0.0/16", "blocks of addresses that no other pod reaches")
	open := flag.String("open", "tcp/6443,tcp/53,udp/53", "ports of the machine that every pod reaches")
	connections := flag.Int("connections", 2000, "connections of one address, or of one namespace, to one pod; 0 for any number")
	flag.Parse()
	bounds, err := networkpolicy.ParseBounds(*trusted, *closed, *open, *connections)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	options.Bounds = bounds
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := networkpolicy.Run(ctx, options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
