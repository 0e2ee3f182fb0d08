package networkpolicy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// settle is how long a burst of changes is collected.
	settle = 50 * time.Millisecond
	// again is how often the rules are looked at without a change, in case
	// somebody else removed them.
	again = 30 * time.Second
)

// Run watches pods, namespaces and policies, and keeps the rules until the
// context ends.
func Run(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("reading the service account: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()

	changed := make(chan struct{}, 1)
	notify := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    notify,
		UpdateFunc: func(_, object any) { notify(object) },
		DeleteFunc: notify,
	}
	for _, informer := range []cache.SharedIndexInformer{
		pods.Informer(), namespaces.Informer(), policies.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watching: %w", err)
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the %v did not arrive", kind)
		}
	}

	look := func() (State, error) {
		var state State
		var errs [3]error
		state.Pods, errs[0] = pods.Lister().List(labels.Everything())
		state.Namespaces, errs[1] = namespaces.Lister().List(labels.Everything())
		state.Policies, errs[2] = policies.Lister().List(labels.Everything())
		return state, errors.Join(errs[:]...)
	}
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		state, err := look()
		if err == nil {
			err = Apply(ctx, state)
		}
		if err != nil {
			klog.ErrorS(err, "The rules were not applied; the next change or half minute tries again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-changed:
			time.Sleep(settle)
		}
	}
}

// Apply brings the machine's rules to what the state wants.
func Apply(ctx context.Context, state State) error {
	present, err := run(ctx, "", "iptables-save", "-t", "filter")
	if err != nil {
		return err
	}
	rules, names := Rules(state)
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var script strings.Builder
	script.WriteString("*filter\n" + rules)
	var stale []string
	jump := "-A FORWARD -j " + RootChain
	first := ""
	for _, line := range strings.Split(present, "\n") {
		if strings.HasPrefix(line, ":"+chainPrefix) {
			if name := strings.Fields(line[1:])[0]; !wanted[name] {
				stale = append(stale, name)
			}
		}
		if first == "" && strings.HasPrefix(line, "-A FORWARD ") {
			first = line
		}
	}
	if first != jump {
		// Before every rule that accepts.
		if strings.Contains(present, "\n"+jump+"\n") {
			script.WriteString("-D FORWARD -j " + RootChain + "\n")
		}
		script.WriteString("-I FORWARD 1 -j " + RootChain + "\n")
	}
	for _, name := range stale {
		fmt.Fprintf(&script, ":%s - [0:0]\n-X %s\n", name, name)
	}
	script.WriteString("COMMIT\n")
	_, err = run(ctx, script.String(), "iptables-restore", "--noflush", "--wait", "5")
	return err
}

func run(ctx context.Context, input, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Stdin = strings.NewReader(input)
	var output, problem bytes.Buffer
	command.Stdout, command.Stderr = &output, &problem
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(problem.String()))
	}
	return output.String(), nil
}
