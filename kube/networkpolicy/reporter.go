package networkpolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

const (
	// Condition is the type of the Node's condition that says how it goes.
	Condition corev1.NodeConditionType = "NetworkPoliciesEnforced"
	// heartbeat is how often the condition is written without a change.
	heartbeat = 30 * time.Second
	// stale is when the rules are taken for unattended.
	stale = 60 * time.Second
	// repeated is when an event is told again; the API forgets it in an hour.
	repeated = 30 * time.Minute
	// longest is how many bytes of a message are told.
	longest = 900
)

// reporter tells how it goes: to the Node's condition, to the policies'
// namespaces and to the kubelet.
type reporter struct {
	client kubernetes.Interface
	node   string
	events record.EventRecorder

	told     map[string]time.Time // events by policy, version and message
	enforced map[types.UID]int64  // generation of each policy that is in force
	written  corev1.NodeCondition

	mutex sync.Mutex
	good  error
	last  time.Time
}

func newReporter(ctx context.Context, client kubernetes.Interface, node string) *reporter {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return &reporter{
		client: client,
		node:   node,
		events: broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "network-policy", Host: node}),
		told:   map[string]time.Time{}, enforced: map[types.UID]int64{},
		good: fmt.Errorf("no rules were applied yet"),
	}
}

// tell says how one pass went: what of which policy could not be read, and
// why the rules could not be applied, if they could not.
func (r *reporter) tell(state State, problems []Problem, err error) {
	r.mutex.Lock()
	r.good, r.last = err, time.Now()
	r.mutex.Unlock()
	for _, problem := range problems {
		r.event(problem.Subject, "NotUnderstood", problem.Message)
	}
	if err != nil {
		klog.ErrorS(err, "The rules could not be applied; they are tried again in seconds")
		for _, policy := range state.Policies {
			if generation, there := r.enforced[policy.UID]; !there || generation != policy.Generation {
				r.event(policy, "NotEnforced", "This policy, as it is now, is not in force; "+
					"new pods do not start until it is: "+err.Error())
			}
		}
	} else {
		r.enforced = map[types.UID]int64{}
		for _, policy := range state.Policies {
			r.enforced[policy.UID] = policy.Generation
		}
	}
	r.write(condition(problems, err))
}

func (r *reporter) event(about Subject, reason, message string) {
	message = cut(message)
	subject := fmt.Sprintf("%s %d %s", about.GetUID(), about.GetGeneration(), message)
	if when, there := r.told[subject]; there && time.Since(when) < repeated {
		return
	}
	for old, when := range r.told {
		if time.Since(when) > repeated {
			delete(r.told, old)
		}
	}
	r.told[subject] = time.Now()
	r.events.Event(about, corev1.EventTypeWarning, reason, message)
}

// nameOf is a policy's name with its namespace, or a namespace's.
func nameOf(subject Subject) string {
	return strings.TrimPrefix(subject.GetNamespace()+"/"+subject.GetName(), "/")
}

func cut(message string) string {
	if len(message) > longest {
		return strings.ToValidUTF8(message[:longest], "") + " …"
	}
	return message
}

// condition says in the Node's terms how it went.
func condition(problems []Problem, err error) corev1.NodeCondition {
	made := corev1.NodeCondition{Type: Condition, Status: corev1.ConditionTrue, Reason: "RulesApplied",
		Message: "all NetworkPolicies are in force"}
	if len(problems) > 0 {
		names := map[string]bool{}
		for _, problem := range problems {
			names[nameOf(problem.Subject)] = true
		}
		var list []string
		for name := range names {
			list = append(list, name)
		}
		sort.Strings(list)
		made.Reason = "SomeNotUnderstood"
		made.Message = cut(fmt.Sprintf("all NetworkPolicies are in force; of %s not everything could be "+
			"read, and what could not lets nothing through", strings.Join(list, ", ")))
	}
	if err != nil {
		made.Status, made.Reason = corev1.ConditionFalse, "RulesNotApplied"
		made.Message = cut("the former rules hold and new pods do not start: " + err.Error())
	}
	return made
}

// write puts the condition on the Node when it says something new, and from
// time to time so that its age tells that somebody looks.
func (r *reporter) write(wanted corev1.NodeCondition) {
	now := metav1.Now()
	before := r.written
	same := before.Status == wanted.Status && before.Reason == wanted.Reason && before.Message == wanted.Message
	if same && now.Sub(before.LastHeartbeatTime.Time) < heartbeat {
		return
	}
	wanted.LastHeartbeatTime, wanted.LastTransitionTime = now, now
	if before.Status == wanted.Status {
		wanted.LastTransitionTime = before.LastTransitionTime
	}
	patch, err := json.Marshal(map[string]any{
		"status": map[string]any{"conditions": []corev1.NodeCondition{wanted}}})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err = r.client.CoreV1().Nodes().PatchStatus(ctx, r.node, patch)
	}
	if err != nil {
		klog.ErrorS(err, "The Node's condition could not be written")
		return
	}
	r.written = wanted
}

// health is nil while the rules are applied and looked after.
func (r *reporter) health() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.good == nil && time.Since(r.last) > stale {
		return fmt.Errorf("nobody has looked after the rules for %d s", int(time.Since(r.last).Seconds()))
	}
	return r.good
}

// serveHealth answers the kubelet: 200 while the policies are in force.
func (r *reporter) serveHealth(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := r.health(); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			}
		}),
	}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	go func() { _ = server.Serve(listener) }()
	return nil
}
