package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"mnist-lab/kube/networkpolicy/claims"
)

const (
	// settle is how long a burst of changes is collected.
	settle = 20 * time.Millisecond
	// again is how often the kernel's rules are compared with those wanted,
	// and tried again where they could not be applied.
	again = 5 * time.Second
)

// Options say where the program runs.
type Options struct {
	Node      string // name of the Node, whose condition tells how it goes
	Bridge    string // interface that the pods share
	Directory string // of claims, and of the socket for new pods
	Health    string // address that answers the kubelet's question
	Bounds    *Bounds
}

// controller keeps the rules of one node.
type controller struct {
	enforcer Enforcer
	gate     *gatekeeper
	report   *reporter
	look     func() (State, error)
	clean    func(context.Context) error
}

// Run watches pods, namespaces and policies, and keeps the rules until the
// context ends. It fails where it cannot begin.
func Run(ctx context.Context, options Options) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("reading the service account: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	if bounds := options.Bounds; bounds != nil && bounds.connections > 0 {
		if err := countsConnections(ctx); err != nil {
			klog.ErrorS(err, "This kernel counts no connections (nft_connlimit): their number has no bound")
			bounds.connections = 0
		}
	}
	changed := make(chan struct{}, 1)
	look, err := watch(ctx, client, options, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	gate, err := openGate(ctx, options.Directory, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("listening for new pods: %w", err)
	}
	report := newReporter(ctx, client, options.Node)
	if err := report.serveHealth(ctx, options.Health); err != nil {
		return fmt.Errorf("listening for the kubelet: %w", err)
	}
	c := &controller{
		enforcer: Enforcer{Bridge: options.Bridge}, gate: gate, report: report, look: look,
		clean: removeFormer,
	}
	c.loop(ctx, changed)
	return nil
}

// watch begins to watch, and returns a function that says how things are.
func watch(
	ctx context.Context, client kubernetes.Interface, options Options, notify func(),
) (func() (State, error), error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { notify() },
		UpdateFunc: func(before, now any) {
			if concerns(before, now) {
				notify()
			}
		},
		DeleteFunc: func(any) { notify() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		pods.Informer(), namespaces.Informer(), policies.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, fmt.Errorf("watching: %w", err)
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("the %v did not arrive", kind)
		}
	}
	return func() (State, error) {
		state := State{Bounds: options.Bounds}
		var errs [4]error
		state.Pods, errs[0] = pods.Lister().List(labels.Everything())
		state.Namespaces, errs[1] = namespaces.Lister().List(labels.Everything())
		state.Policies, errs[2] = policies.Lister().List(labels.Everything())
		state.Claims, errs[3] = claims.List(options.Directory)
		if errs[3] != nil {
			// It concerns one pod, whose address is then nobody's.
			klog.ErrorS(errs[3], "An address that was given to a pod is not known")
			errs[3] = nil
		}
		return state, errors.Join(errs[:]...)
	}, nil
}

// concerns tells whether a change can change a rule: a pod's status does so
// all the time, and hardly ever in what the rules are made from.
func concerns(before, now any) bool {
	old, isPod := before.(*corev1.Pod)
	pod, _ := now.(*corev1.Pod)
	return !isPod || old.UID != pod.UID || old.Status.PodIP != pod.Status.PodIP ||
		old.Status.Phase != pod.Status.Phase || !maps.Equal(old.Labels, pod.Labels) ||
		identity(old) != identity(pod)
}

func (c *controller) loop(ctx context.Context, changed <-chan struct{}) {
	tick := time.NewTicker(again)
	defer tick.Stop()
	compare := true
	for {
		c.pass(ctx, compare)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			compare = true
		case <-changed:
			compare = false
			time.Sleep(settle)
		}
	}
}

// pass brings the node's rules to what the API wants, and tells how it went.
func (c *controller) pass(ctx context.Context, compare bool) {
	state, err := c.look()
	if err != nil {
		c.report.tell(state, nil, err)
		return
	}
	rules, problems := Compile(state)
	if compare {
		if lost := c.enforcer.Check(ctx); lost != nil && c.enforcer.begun() {
			klog.ErrorS(lost, "The rules are not as they were applied; they are applied again")
			c.enforcer.forget()
		}
	}
	err = c.enforcer.Apply(ctx, rules)
	if err == nil && c.clean != nil {
		if err = c.clean(ctx); err == nil {
			c.clean = nil
		}
	}
	c.gate.settle(rules, err)
	c.report.tell(state, problems, err)
}
