package networkpolicy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"mnist-lab/kube/networkpolicy/claims"
	"mnist-lab/kube/networkpolicy/gate"
)

// node is a controller over an API in memory, with the kernel's own rules.
type node struct {
	w          *world
	client     *fake.Clientset
	controller *controller
	directory  string
	state      State
	changed    chan struct{}
}

func newNode(t *testing.T, state State) *node {
	t.Helper()
	n := &node{w: newWorld(t, state), state: state, directory: t.TempDir(), changed: make(chan struct{}, 1)}
	n.client = fake.NewClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "lab"}})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	door, err := openGate(ctx, n.directory, func() {
		select {
		case n.changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	n.controller = &controller{
		enforcer: Enforcer{Bridge: testBridge}, gate: door, report: newReporter(ctx, n.client, "lab"),
		look: func() (State, error) {
			looked := n.state
			var err error
			looked.Claims, err = claims.List(n.directory)
			return looked, err
		},
	}
	return n
}

func (n *node) pass(compare bool) {
	n.w.node.do(func() { n.controller.pass(context.Background(), compare) })
}

// add asks the plugin to let a pod start, as the runtime does.
func (n *node) add(pod *corev1.Pod, address string) <-chan error {
	answer := make(chan error, 1)
	environment := map[string]string{"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c-" + pod.Name,
		"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.Namespace + ";K8S_POD_NAME=" + pod.Name +
			";K8S_POD_UID=" + string(pod.UID)}
	previous := fmt.Sprintf(`{"cniVersion":"0.4.0","interfaces":[{"name":"test-br","mac":"02:00:00:00:00:01"},`+
		`{"name":"late","mac":"02:00:00:00:00:02"},{"name":"eth0","mac":"02:00:00:00:00:03","sandbox":"/run/x"}],`+
		`"ips":[{"version":"4","interface":2,"address":"%s/24"}]}`, address)
	config := fmt.Sprintf(`{"cniVersion":"0.4.0","bridge":"test-br","directory":%q,"prevResult":%s}`, n.directory, previous)
	go func() {
		var output bytes.Buffer
		err := gate.Run(func(name string) string { return environment[name] }, strings.NewReader(config), &output)
		if err == nil && output.String() != previous {
			err = fmt.Errorf("the plugin's result is %s", output.String())
		}
		answer <- err
	}()
	return answer
}

func waiting(answer <-chan error) (error, bool) {
	select {
	case err := <-answer:
		return err, false
	case <-time.After(2 * moment):
		return nil, true
	}
}

func TestKernelStartsNoPodBeforeItsRules(t *testing.T) {
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{aNone}
	n := newNode(t, state)
	n.pass(true)
	late := newPod("a", "late", "", labelSet{"app": "server"})
	answer := n.add(late, "10.99.0.20")
	<-n.changed
	n.pass(false)
	if _, waits := waiting(answer); !waits {
		t.Fatal("a pod of which the API does not know starts")
	}
	// The pod arrives; its status has no address yet.
	n.state.Pods = append(n.state.Pods, late)
	n.pass(false)
	if err, waits := waiting(answer); waits || err != nil {
		t.Fatalf("a pod whose rules are applied waits: %v, %v", waits, err)
	}
	rules, _ := Compile(State{Pods: n.state.Pods, Policies: n.state.Policies,
		Claims: must(claims.List(n.directory))})
	if rules.permits(netip.MustParseAddr(bClient), netip.MustParseAddr("10.99.0.20"), tcp, 8080) {
		t.Error("the policy does not hold for the new pod")
	}
	// Its end takes the address back.
	if err := gate.Run(func(name string) string {
		return map[string]string{"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c-late"}[name]
	}, strings.NewReader(fmt.Sprintf(`{"directory":%q}`, n.directory)), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if left := must(claims.List(n.directory)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// condition waits for what the Node says.
func (n *node) condition(t *testing.T) corev1.NodeCondition {
	t.Helper()
	found, err := n.client.CoreV1().Nodes().Get(context.Background(), "lab", metav1.GetOptions{})
	if err != nil || len(found.Status.Conditions) != 1 {
		t.Fatalf("the Node's conditions: %v, %v", found.Status.Conditions, err)
	}
	return found.Status.Conditions[0]
}

// events waits for the events of a namespace, by reason.
func (n *node) events(t *testing.T, namespace string, wanted int) map[string]string {
	t.Helper()
	found := map[string]string{}
	for range 100 {
		list, err := n.client.CoreV1().Events(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range list.Items {
			found[event.Reason] = event.InvolvedObject.Name + ": " + event.Message
		}
		if len(found) >= wanted && wanted > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return found
}

func TestKernelTellsWhyRulesCannotBeApplied(t *testing.T) {
	state := seats()
	n := newNode(t, state)
	if n.controller.report.health() == nil {
		t.Error("it says that it is well before it did anything")
	}
	n.pass(true)
	if c := n.condition(t); c.Status != corev1.ConditionTrue || c.Reason != "RulesApplied" {
		t.Errorf("the Node says %v", c)
	}
	// A program that always fails stands in for a kernel that refuses.
	path := os.Getenv("PATH")
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "nft"), []byte("#!/bin/sh\necho no room >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", broken+":"+path)
	late := newPod("a", "late", "", nil)
	n.state.Pods = append(n.state.Pods, late)
	n.state.Policies = []*networkingv1.NetworkPolicy{aNone}
	answer := n.add(late, "10.99.0.20")
	<-n.changed
	n.pass(false)
	if err, waits := waiting(answer); waits || err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("the new pod hears %v", err)
	}
	if c := n.condition(t); c.Status != corev1.ConditionFalse || !strings.Contains(c.Message, "no room") {
		t.Errorf("the Node says %v", c)
	}
	if found := n.events(t, "a", 1); !strings.Contains(found["NotEnforced"], "none: This policy, as it is now") {
		t.Errorf("the namespace hears %v", found)
	}
	if err := n.controller.report.health(); err == nil {
		t.Error("the kubelet hears that it is well")
	}
	t.Setenv("PATH", path)
	n.pass(true)
	if c := n.condition(t); c.Status != corev1.ConditionTrue {
		t.Errorf("the Node says %v after it is well again", c)
	}
	if err := n.controller.report.health(); err != nil {
		t.Error(err)
	}
	n.w.check(t, state1(n.state, n.state.Pods[:5]))
}

// state1 is a state with these pods only.
func state1(state State, pods []*corev1.Pod) State {
	state.Pods = pods
	return state
}

func TestKernelTellsOfAPolicyThatIsNotUnderstood(t *testing.T) {
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{inTo(peerList{block("010.99.0.0/16")})}
	n := newNode(t, state)
	n.pass(true)
	if found := n.events(t, "a", 1); !strings.Contains(found["NotUnderstood"], `"010.99.0.0/16" is no address block`) {
		t.Errorf("the namespace hears %v", found)
	}
	if c := n.condition(t); c.Status != corev1.ConditionTrue || c.Reason != "SomeNotUnderstood" ||
		!strings.Contains(c.Message, "a/in") {
		t.Errorf("the Node says %v", c)
	}
}

// What somebody else changed is put back by the next comparison.
func TestKernelRulesComeBack(t *testing.T) {
	state := seats()
	state.Policies = []*networkingv1.NetworkPolicy{aNone}
	n := newNode(t, state)
	n.pass(true)
	n.w.node.do(func() { _, _ = run(context.Background(), "", "nft", "flush", "ruleset") })
	if !n.w.rooms[bClient].reaches(aServer, probe{tcp, 8080}) {
		t.Fatal("without rules a pod is reached (else this test shows nothing)")
	}
	n.pass(true)
	n.w.check(t, state)
}

func TestThePluginSaysWhoDoesNotAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err := claims.Await(ctx, t.TempDir(), "c")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "kube-system/kube-network-policy") {
		t.Errorf("told: %v", err)
	}
}

func TestClaims(t *testing.T) {
	directory := t.TempDir()
	good := claims.Claim{Container: "one", UID: "u", Address: netip.MustParseAddr("10.99.0.9"),
		Interface: "veth1", MAC: "02:00:00:00:00:03"}
	other := good
	other.Container = "two"
	for _, claim := range []claims.Claim{good, other} {
		if err := claims.Write(directory, claim); err != nil {
			t.Fatal(err)
		}
	}
	if found := must(claims.List(directory)); len(found) != 1 || found[0] != other {
		t.Errorf("an address has two owners: %v", found)
	}
	for name, spoil := range map[string]func(*claims.Claim){
		"container": func(c *claims.Claim) { c.Container = "../two" },
		"pod":       func(c *claims.Claim) { c.UID = "" },
		"address":   func(c *claims.Claim) { c.Address = netip.MustParseAddr("fe80::1") },
		"interface": func(c *claims.Claim) { c.Interface = `x" ` },
		"MAC":       func(c *claims.Claim) { c.MAC = "02-00-00-00-00-03" },
	} {
		bad := good
		spoil(&bad)
		if claims.Write(directory, bad) == nil {
			t.Errorf("a claim with a wrong %s is written", name)
		}
	}
	if err := os.WriteFile(filepath.Join(directory, "three.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := claims.List(directory)
	if len(found) != 1 || err == nil {
		t.Errorf("one that cannot be read: %v, %v", found, err)
	}
}
