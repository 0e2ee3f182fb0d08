package main

import (
	"flag"
	"os"

	"github.com/coredns/coredns/coremain"
	// The plugins that the cluster's Corefile uses, and those an operator may
	// want when a name does not resolve. CoreDNS orders them itself.
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/template"
	_ "github.com/coredns/coredns/plugin/whoami"
)

// coreDNSFlags are what CoreDNS adds to the process-wide flags on import.
var coreDNSFlags = map[string]bool{
	"conf": true, "dns.port": true, "p": true, "pidfile": true,
	"plugins": true, "quiet": true, "version": true,
}

func runCoreDNS() int {
	coremain.Run()
	return 0
}

// withoutCoreDNSFlags takes CoreDNS's flags out of the process-wide set, where
// the other components would show them, or fail on a name they share.
func withoutCoreDNSFlags() {
	kept := flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	flag.VisitAll(func(f *flag.Flag) {
		if !coreDNSFlags[f.Name] {
			kept.Var(f.Value, f.Name, f.Usage)
		}
	})
	flag.CommandLine = kept
}
