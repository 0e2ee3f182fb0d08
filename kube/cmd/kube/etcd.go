package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func runEtcd() int {
	withoutCoreDNSFlags()
	etcdmain.Main(os.Args)
	return 0
}
