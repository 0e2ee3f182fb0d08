// Command networkpolicy enforces the cluster's NetworkPolicies on its node. It
// is a program of its own because it is not part of any Kubernetes release.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mnist-lab/kube/networkpolicy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := networkpolicy.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
