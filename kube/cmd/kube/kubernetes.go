package main

import (
	"context"
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmerrors "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func runAPIServer() int {
	withoutCoreDNSFlags()
	return cli.Run(apiserver.NewAPIServerCommand())
}

func runControllerManager() int {
	withoutCoreDNSFlags()
	return cli.Run(controllermanager.NewControllerManagerCommand())
}

func runScheduler() int {
	withoutCoreDNSFlags()
	return cli.Run(scheduler.NewSchedulerCommand())
}

func runProxy() int {
	withoutCoreDNSFlags()
	return cli.Run(proxy.NewProxyCommand())
}

func runKubelet() int {
	withoutCoreDNSFlags()
	return cli.Run(kubelet.NewKubeletCommand(context.Background()))
}

func runKubeadm() int {
	withoutCoreDNSFlags()
	if err := kubeadm.Run(); err != nil {
		// Prints the error the way kubeadm does, and ends with its own code.
		kubeadmerrors.HandleError(err)
		return 1
	}
	return 0
}

func runKubectl() int {
	withoutCoreDNSFlags()
	// As kubectl's own main does: the level is needed before the flags are read.
	if _, err := logs.GlogSetter(cmd.GetLogVerbosity(os.Args)); err != nil {
		return 1
	}
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
		return 1
	}
	return 0
}
